/** `git heroku restore` */
import type { StreamedAnswer } from "../../api/line.ts";
import type { RestoreLine } from "../../api/resources.ts";
import { checkRemoteName, connectApp } from "../../clone/connect-app.ts";
import { DEFAULT_REMOTE } from "../../clone/find-app.ts";
import { parseAppName } from "../../core/app-name.ts";
import { AppError, parseErrorId } from "../../core/error.ts";
import { formatVersion } from "../../core/release.ts";
import { warnOfTraps } from "../clone-words.ts";
import type { Command, Context } from "../command.ts";
import { PASSPHRASE_OPTION } from "../passphrase.ts";
import { readBackup } from "../read-backup.ts";
import type { Terminal } from "../terminal.ts";

type Restored = NonNullable<RestoreLine["restored"]>;

export const restore: Command = {
  name: "restore",
  topic: "Apps",
  isAboutThisMachine: true,
  summary: "Make an app again from a backup",
  details:
    "Same versions, same config, same formation, running again. FILE is what `git heroku backup` wrote, or a mirror clone of an app's repository, or a git bundle of all its refs; the latter two need --keys. Everything is checked before the app appears.",
  parameters: "<file>",
  options: [
    { name: "name", short: "n", value: "NAME", summary: "the app's name here (usually the one it had)" },
    { name: "keys", short: "k", value: "FILE", summary: "the app's key file, for a mirror clone or a bundle" },
    PASSPHRASE_OPTION,
    { name: "remote", short: "r", value: "NAME", summary: `the name of the git remote (usually ${DEFAULT_REMOTE})` },
  ],
  examples: [
    { command: "git heroku restore foobaz.backup", summary: "asks for the passphrase" },
    { command: "git heroku restore foobaz.backup --name foobaz-copy", summary: "under another name" },
    { command: "git heroku restore mirrors/foobaz.git --keys foobaz.keys", summary: "adopts a mirror clone" },
  ],
  async run(context) {
    const { client, out, args, world, platform } = context;
    const asked = args.value("name");
    if (asked !== undefined) parseAppName(asked);
    const { name: said, ...order } = await readBackup(context);
    const name = parseAppName(asked ?? said);
    const remote = args.value("remote");
    if (remote !== undefined) checkRemoteName(world, platform, { remote, app: name });
    out.progress(`Restoring ${name}...`);
    const restored = await follow(await client.restore({ ...order, name }), out);
    await describe(context, restored);
    await connect(context, restored, (await client.app(name)).git_url);
    return restored.fault === undefined ? undefined : 1;
  },
};

/** @throws AppError that the platform meant; then nothing is left of the restore. */
async function follow(answer: StreamedAnswer, out: Terminal): Promise<Restored> {
  let restored: Restored | undefined;
  try {
    for await (const line of linesOf(answer)) {
      if (line.progress !== undefined) out.progress(progressWords(line.progress));
      if (line.output !== undefined) {
        out.progress();
        await out.write(line.output);
      }
      if (line.error !== undefined) {
        const { id, message, hint } = line.error;
        throw new AppError(parseErrorId(id), message, { hint });
      }
      restored = line.restored ?? restored;
    }
  } finally {
    out.progress();
  }
  if (restored === undefined) throw brokeOff();
  return restored;
}

async function* linesOf(answer: StreamedAnswer): AsyncIterable<RestoreLine> {
  let rest = "";
  answer.setEncoding("utf8");
  try {
    for await (const chunk of answer as AsyncIterable<string>) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) yield JSON.parse(line) as RestoreLine;
    }
  } catch (error) {
    throw answer.errored ? brokeOff(error) : error;
  }
}

function brokeOff(cause?: unknown): AppError {
  return new AppError("unavailable", "The platform stopped before the app was restored.", {
    hint: "See with `git heroku apps` whether it is there, then try again.",
    cause,
  });
}

function progressWords({ what, percent }: NonNullable<RestoreLine["progress"]>): string {
  return `${what}...${percent === undefined ? "" : ` ${String(percent)}%`}`;
}

async function describe({ client, out }: Context, restored: Restored): Promise<void> {
  const { name, version, fault, ledger_key_known: isKnown } = restored;
  await out.line(`Restoring ${name}... done, ${formatVersion(version)}`);
  const [{ web_url: url, git_url: repository }, formation] = await Promise.all([
    client.app(name),
    client.formation(name),
  ]);
  await out.line(`${url} | ${repository}`);
  const words = formation.map(({ type, quantity }) => `${type}=${String(quantity)}`);
  if (words.length > 0) await out.line(`Formation ${words.join(" ")}`);
  if (fault !== undefined) {
    out.warn(`${name} does not run: ${fault.message}`);
    out.warn(fault.hint ?? "`git heroku logs` has the details.");
  }
  if (!isKnown) {
    out.warn("The key that signs this ledger now is not here, or nobody vouches for one that did: the next release");
    out.warn("announces this platform's own. `git heroku releases:verify` will ask you to trust what you know.");
  }
}

/** Like `create`, but what is not asked for is no reason to fail. */
async function connect({ world, platform, out, args }: Context, { name }: Restored, url: string): Promise<void> {
  const remote = args.value("remote") ?? DEFAULT_REMOTE;
  try {
    checkRemoteName(world, platform, { remote, app: name });
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    out.warn(`${error.message}\nTo connect this clone with the restored app: git heroku remote --app ${name}`);
    return;
  }
  const connection = connectApp(world, remote, url);
  if (connection === "outside a clone") return;
  await out.line(`Git remote ${remote} ${connection}`);
  warnOfTraps(out, world, remote);
}
