/** `git heroku builds:cancel` */
import { APP_OPTIONS, JSON_OPTION, type Command } from "../command.ts";

export const buildsCancel: Command = {
  name: "builds:cancel",
  topic: "Releases",
  summary: "End a build with all its processes",
  details:
    "The push that waits for it is rejected, and nothing is released. A build is named by the beginning of its id.",
  parameters: "[id]",
  completes: "builds",
  options: [...APP_OPTIONS, JSON_OPTION],
  examples: [
    { command: "git heroku builds:cancel", summary: "the one that runs" },
    { command: "git heroku builds:cancel 7ffc8cfe", summary: "a certain one" },
  ],
  async run(context) {
    const { client, out, args } = context;
    const id = args.words[0] ?? "running";
    const app = context.app();
    if (args.has("json")) return out.json(await client.cancelBuild(app, id));
    await out.action(args.words[0] === undefined ? "Cancelling the build" : `Cancelling ${id}`, () =>
      client.cancelBuild(app, id),
    );
    return undefined;
  },
};
