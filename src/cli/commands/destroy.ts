/** `git heroku destroy` */
import { disconnectApp } from "../../clone/connect-app.ts";
import { AppError } from "../../core/error.ts";
import { APP_OPTIONS, APP_PARAMETER, type Command, type Context } from "../command.ts";
import { readLine } from "../read-line.ts";

export const destroy: Command = {
  name: "destroy",
  topic: "Apps",
  summary: "Stop an app and remove it",
  details:
    "Asks for the app's name first. The repository, the key and the logs go to the trash of the platform's home for seven days, or with --purge for ever; this clone's remotes of it go at once.",
  parameters: APP_PARAMETER,
  completes: "apps",
  options: [
    ...APP_OPTIONS,
    { name: "confirm", short: "c", value: "NAME", summary: "the app's name once more, instead of being asked" },
    { name: "purge", summary: "delete it at once: nothing goes to the trash" },
  ],
  examples: [{ command: "git heroku destroy --app foobaz --confirm foobaz", summary: "for scripts" }],
  async run(context) {
    const { client, world, platform, out } = context;
    const app = context.app();
    await confirm(context, app);
    await out.action(`Destroying ${app}`, () => client.destroyApp(app, context.args.has("purge")));
    for (const name of disconnectApp(world, platform, app)) await out.line(`Git remote ${name} removed`);
    return undefined;
  },
};

/** @throws AppError confirmation_required. */
async function confirm({ args, out, world }: Context, app: string): Promise<void> {
  const given = args.value("confirm");
  if (given === app) return;
  const hint = `Run it with --confirm ${app}`;
  if (given !== undefined) {
    throw new AppError("confirmation_required", `The app is called ${app}, not ${given}.`, { hint });
  }
  if (world.stdin.isTTY !== true) {
    throw new AppError("confirmation_required", `This destroys ${app}, its releases, its config and its logs.`, {
      hint,
    });
  }
  out.warn(`This destroys ${app}, its releases, its config and its logs.\nTo go on, type ${app}:`);
  out.note("> ");
  const answer = await readLine(world.stdin);
  if (answer === app) return;
  throw new AppError("confirmation_required", `That was not ${app}; nothing was destroyed.`);
}
