/** `git heroku config:edit` */
import type { Show } from "../../api/live-answer.ts";
import { findEditor } from "../../clone/editor.ts";
import { changeConfig, checkConfigName, type ConfigChange, type ConfigVars } from "../../core/config-vars.ts";
import { formatDotenv } from "../../core/dotenv-text.ts";
import { AppError } from "../../core/error.ts";
import { formatVersion } from "../../core/release.ts";
import { APP_OPTIONS, type Command, type Context } from "../command.ts";
import { changeBetween, formatDifference } from "../config-changes.ts";
import { Draft } from "../draft.ts";
import { decodeText, readDotenv } from "../read-dotenv.ts";
import { describeRestart } from "../restart-words.ts";

export const configEdit: Command = {
  name: "config:edit",
  topic: "Config",
  summary: "Edit the config vars in your editor and restart the app",
  details:
    "Opens all vars, or one, as a .env file in the editor that git uses. Saving it makes one release of all changes; a file left as it was, or an editor that fails, changes nothing. Only what you changed is changed: if somebody else has changed the same var meanwhile, you are told.",
  parameters: "[name]",
  completes: "config-vars",
  options: APP_OPTIONS,
  examples: [
    { command: "git heroku config:edit", summary: "all vars" },
    { command: "GIT_EDITOR=nano git heroku config:edit PRIVATE_KEY", summary: "one, with another editor" },
  ],
  async run(context) {
    const { client, out, args, world } = context;
    const [only] = args.words;
    if (only !== undefined) checkConfigName(only);
    const editor = findEditor(world, world.stdin.isTTY === true);
    const app = context.app();
    const { version } = await client.release(app, "current");
    const vars = await client.releaseConfig(app, version);
    const edited = { app, version, vars, shown: only === undefined ? vars : pick(vars, only), only };
    const text = header(edited) + formatDotenv(edited.shown);
    const draft = await Draft.open(world, `${app}.env`, text);
    try {
      const plan = await editUntilUnderstood(context, { draft, editor, text, edited });
      if (plan === "emptied") throw emptied();
      if (plan === undefined) return await out.line("Nothing differs, so no release was made");
      await out.line("Changing config vars:");
      await out.write(formatDifference(plan.difference));
      await apply(context, { draft, edited, change: plan.change });
    } finally {
      await draft.remove();
    }
    return undefined;
  },
};

interface Edited {
  app: string;
  /** The release whose vars are edited. */
  version: number;
  vars: ConfigVars;
  shown: ConfigVars;
  only: string | undefined;
}

type Plan = ReturnType<typeof changeBetween> | "emptied";

/** A name that is not set yet can be added this way. */
function pick(vars: ConfigVars, name: string): ConfigVars {
  return { [name]: Object.hasOwn(vars, name) ? (vars[name] ?? "") : "" };
}

function header({ app, version, only }: Edited): string {
  const what = only === undefined ? "The config vars" : `The config var ${only}`;
  return `# ${what} of ${app} at ${formatVersion(version)}. Save and close: one release is made of all changes.
# A file left as it is changes nothing. A var whose line is taken out is removed.
# A value with spaces, quotes, # or line ends stands in '…', in \`…\`, or in "…", where \\n is a line end.

`;
}
interface Session {
  draft: Draft;
  editor: string;
  /** What the editor is given first. */
  text: string;
  edited: Edited;
}

/** On a terminal a text that is not understood can be mended at once; elsewhere it is kept.
 *  @returns undefined when nothing differs. */
async function editUntilUnderstood(context: Context, { draft, editor, text, edited }: Session): Promise<Plan> {
  const { out, world } = context;
  for (;;) {
    const bytes = await draft.edit(editor);
    try {
      const saved = decodeText(bytes);
      return saved === text ? undefined : planOf(context, saved, edited);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      if (world.stdin.isTTY !== true) throw keeping(draft, error);
      out.complain(error);
      if (!draft.asks("Edit again?")) throw new AppError("invalid_params", "Nothing was changed.");
    }
  }
}

function planOf({ out }: Context, text: string, { vars, only }: Edited): Plan {
  const { vars: saved, remarks } = readDotenv(text);
  for (const remark of remarks) out.warn(remark);
  if (Object.keys(saved).length === 0 && Object.keys(vars).length > 0) return "emptied";
  const other = Object.keys(saved).find((name) => only !== undefined && name !== only);
  if (other !== undefined) {
    throw new AppError("invalid_params", `Only ${String(only)} is edited here, not ${other}.`, {
      hint: "Take it out, or edit all vars: git heroku config:edit",
    });
  }
  const plan = changeBetween(vars, only === undefined ? saved : { ...vars, ...saved });
  if (plan !== undefined) changeConfig(vars, plan.change);
  return plan;
}

/** An editor that failed to save, or a person who thought better of it. */
function emptied(): AppError {
  return new AppError("invalid_params", "The file has no config vars any more, so nothing was changed.", {
    hint: "To remove vars: git heroku config:remove NAME...",
  });
}

async function apply(
  { client, out }: Context,
  { draft, edited, change }: { draft: Draft; edited: Edited; change: ConfigChange },
): Promise<void> {
  const ask = (show: Show): Promise<number | undefined> =>
    client.changeConfig(edited.app, change, { since: edited.version, show });
  try {
    await out.action("Restarting app", ask, { done: describeRestart });
  } catch (error) {
    throw error instanceof AppError ? keeping(draft, error) : error;
  }
}

/** What somebody has typed is not thrown away with the error. */
function keeping(draft: Draft, error: AppError): AppError {
  draft.keep();
  const kept = `Your text is kept in ${draft.path}, values and all: delete it when it has served.`;
  return new AppError(error.id, error.message, { hint: error.hint === undefined ? kept : `${error.hint}\n${kept}` });
}
