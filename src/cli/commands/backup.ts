/** `git heroku backup` */
import { resolve } from "node:path";
import { formatBytes } from "../../core/byte-size.ts";
import { AppError } from "../../core/error.ts";
import { formatVersion } from "../../core/release.ts";
import { APP_OPTIONS, type Command, type Context } from "../command.ts";
import { checkNewFile, writeNewFile } from "../new-file.ts";
import { usageError } from "../parse-arguments.ts";
import { findPassphrase, PASSPHRASE_OPTION } from "../passphrase.ts";
import { receiveBackup, type BackupOrder, type ReceivedBackup } from "../receive-backup.ts";

export const backup: Command = {
  name: "backup",
  topic: "Apps",
  summary: "Write all of an app into one file",
  details:
    "The file is a tar: the app's repository as a git bundle, with every release, and its keys, encrypted with a passphrase (an age file). `git heroku restore` makes the app again from it, here or elsewhere. The logs are not in it.",
  options: [
    ...APP_OPTIONS,
    { name: "output", short: "o", value: "FILE", summary: "where to write it; - for standard output" },
    PASSPHRASE_OPTION,
    { name: "plain", summary: "do not encrypt the keys" },
    { name: "force", short: "f", summary: "replace a file that is there" },
  ],
  examples: [
    { command: "git heroku backup --output foobaz.backup", summary: "asks for a passphrase" },
    {
      command: "git heroku backup -o - --passphrase-file ~/.backup-pass | ssh vault 'cat > foobaz.backup'",
      summary: "to another machine",
    },
  ],
  async run(context) {
    const { args, world } = context;
    const output = args.value("output");
    if (output === undefined || output === "") throw usageError(backup, "backup needs --output FILE");
    if (args.has("plain") && args.value("passphrase-file") !== undefined) {
      throw usageError(backup, "--plain takes no passphrase");
    }
    if (output === "-") return toStandardOutput(context);
    const target = { path: resolve(world.cwd, output), force: args.has("force") };
    await checkNewFile(target);
    const order = await prepare(context);
    const received = await writeNewFile(target, (file) =>
      receiveBackup(context, order, (bytes) => file.appendFile(bytes)),
    );
    return report(context, order, received);
  },
};

type Order = BackupOrder & {
  /** How the file is called when the work is done. */
  target: string;
  /** Tells what belongs beside the backup itself. */
  say: (text: string) => Promise<unknown>;
};

async function prepare(context: Context): Promise<Order> {
  const { args, out, client } = context;
  const app = context.app();
  // Before anybody types a passphrase twice.
  await client.app(app);
  const passphrase = args.has("plain") ? undefined : await findPassphrase(context, 2);
  return { app, passphrase, target: args.value("output") ?? "", say: (text) => out.line(text) };
}

async function toStandardOutput(context: Context): Promise<undefined> {
  const { out, world } = context;
  if (world.stdout.isTTY === true) {
    throw new AppError("invalid_params", "A backup is no text for a terminal.", {
      hint: "Send it on with a pipe, or name a file with --output FILE.",
    });
  }
  const order = await prepare(context);
  const received = await receiveBackup(context, order, (bytes) => out.data(bytes));
  const say = async (text: string): Promise<void> => out.note(`${text}\n`);
  return report(context, { ...order, target: "The backup", say }, received);
}

async function report({ out }: Context, order: Order, { version, sizeBytes }: ReceivedBackup): Promise<undefined> {
  const isPlain = order.passphrase === undefined;
  await order.say(`Backing up ${order.app}... done, ${formatVersion(version)}`);
  const keys = isPlain ? "keys NOT encrypted" : "keys encrypted with the passphrase";
  await order.say(`${order.target}: ${formatBytes(sizeBytes)}, ${keys}`);
  if (!isPlain) return undefined;
  out.warn(`Whoever has this file can read the config vars of ${order.app} and sign releases as this platform does.`);
  out.warn("Keep it where nobody else can read it.");
  return undefined;
}
