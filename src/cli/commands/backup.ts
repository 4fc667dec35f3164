/** `git heroku backup` */
import type { IncomingMessage } from "node:http";
import { resolve } from "node:path";
import { PLAIN_KEYS_ENTRY, SEALED_KEYS_ENTRY } from "../../core/backup.ts";
import { AppError } from "../../core/error.ts";
import { formatVersion } from "../../core/release.ts";
import { formatEntry, readBackupStart, type BackupStart } from "../backup-tar.ts";
import { ByteReader } from "../byte-reader.ts";
import { APP_OPTIONS, type Command, type Context } from "../command.ts";
import { checkNewFile, writeNewFile } from "../new-file.ts";
import { usageError } from "../parse-arguments.ts";
import { findPassphrase, PASSPHRASE_OPTION } from "../passphrase.ts";
import { oneTimeKey, sealKeys } from "../seal-keys.ts";

const PROGRESS_MS = 1000;

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
    let received: Received | undefined;
    await writeNewFile(target, async (file) => {
      received = await receive(context, order, (bytes) => file.appendFile(bytes));
    });
    return received && report(context, order, received);
  },
};

interface Order {
  app: string;
  passphrase: string | undefined;
  /** How the file is called when the work is done. */
  target: string;
  /** What is told beside the backup itself. */
  say(text: string): unknown;
}

async function prepare(context: Context): Promise<Order> {
  const { args, out, client } = context;
  const app = context.app();
  // Before anybody types a passphrase twice.
  await client.app(app);
  const passphrase = args.has("plain") ? undefined : await findPassphrase(context, 2);
  return { app, passphrase, target: args.value("output") ?? "", say: (text) => out.write(text) };
}

async function toStandardOutput(context: Context): Promise<undefined> {
  const { out, world } = context;
  if (world.stdout.isTTY === true) {
    throw new AppError("invalid_params", "A backup is no text for a terminal.", {
      hint: "Send it on with a pipe, or name a file with --output FILE.",
    });
  }
  const order = { ...(await prepare(context)), target: "The backup", say: (text: string) => out.note(text) };
  const version = await receive(context, order, (bytes) => out.data(bytes));
  return report(context, order, version);
}

type Write = (bytes: Uint8Array) => Promise<unknown>;

/** The version of the newest release in the backup. */
async function receive({ client, out }: Context, order: Order, write: Write): Promise<Received> {
  const since = performance.now();
  const doing = `Backing up ${order.app}...`;
  out.progress(doing);
  const packing = setInterval(() => {
    out.progress(`${doing} packing, ${((performance.now() - since) / 1000).toFixed(0)}s`);
  }, PROGRESS_MS);
  try {
    const key = await oneTimeKey();
    const answer = await client.backup(order.app, key.recipient);
    clearInterval(packing);
    const show = (share: number): void => out.progress(`${doing} ${(share * 100).toFixed(0)}%`);
    return await passOn(answer, { open: key.open, passphrase: order.passphrase, write, show });
  } finally {
    clearInterval(packing);
    out.progress();
  }
}

interface Received {
  version: number;
  bytes: number;
}

interface Passing {
  open(sealed: Uint8Array): Promise<string>;
  passphrase: string | undefined;
  write: Write;
  show(share: number): void;
}

/** The platform's tar, with the keys as the person wants them in the place of those that only this run can open. */
async function passOn(answer: IncomingMessage, { open, passphrase, write, show }: Passing): Promise<Received> {
  const total = Number(answer.headers["content-length"]);
  const bytes = new ByteReader(unbroken(answer));
  const start = await readBackupStart(bytes);
  let done = bytes.position;
  const head = await restart(start, await open(start.keys.data), passphrase);
  let written = head.length;
  await write(head);
  for await (const chunk of bytes.rest()) {
    await write(chunk);
    done += chunk.length;
    written += chunk.length;
    show(done / total);
  }
  if (done !== total) throw brokeOff();
  return { version: start.facts.version, bytes: written };
}

async function restart(start: BackupStart, keys: string, passphrase: string | undefined): Promise<Buffer> {
  const entry =
    passphrase === undefined
      ? { name: PLAIN_KEYS_ENTRY, data: Buffer.from(keys) }
      : { name: SEALED_KEYS_ENTRY, data: await sealKeys(keys, passphrase) };
  const modifiedAt = new Date(start.facts.createdAt);
  return Buffer.concat([start.factsEntry, await formatEntry(entry.name, entry.data, modifiedAt), start.bundleHead]);
}

async function* unbroken(answer: IncomingMessage): AsyncIterable<Buffer> {
  try {
    yield* answer as AsyncIterable<Buffer>;
  } catch (error) {
    throw brokeOff(error);
  }
}

function brokeOff(cause?: unknown): AppError {
  return new AppError("unavailable", "The platform stopped before the backup was whole.", {
    hint: "Nothing was written. Try again when it is back: git heroku server:status",
    cause,
  });
}

function report({ out }: Context, order: Order, { version, bytes }: Received): undefined {
  const { app, passphrase, target, say } = order;
  say(`Backing up ${app}... done, ${formatVersion(version)}\n`);
  const keys = passphrase === undefined ? "keys NOT encrypted" : "keys encrypted with the passphrase";
  say(`${target}: ${(bytes / 1_000_000).toFixed(1)}MB, ${keys}\n`);
  if (passphrase !== undefined) return undefined;
  out.warn(
    `Whoever has this file can read the config vars of ${app} and sign releases as this platform does.\nKeep it where nobody else can read it.`,
  );
  return undefined;
}
