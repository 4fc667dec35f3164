/** Takes a backup from the platform and writes it, its keys as the person wants them: the platform has encrypted them for
 *  this run alone, and what is written instead is encrypted with the passphrase, or plain. */
import type { StreamedAnswer } from "../api/line.ts";
import { PLAIN_KEYS_ENTRY, SEALED_KEYS_ENTRY } from "../core/backup.ts";
import { AppError } from "../core/error.ts";
import { formatEntry, readBackupStart, type BackupStart } from "./backup-tar.ts";
import { ByteReader } from "./byte-reader.ts";
import type { Context } from "./command.ts";
import { oneTimeKey, sealKeys } from "./seal-keys.ts";
import type { Terminal } from "./terminal.ts";

export interface BackupOrder {
  app: string;
  /** None: the keys stay plain. */
  passphrase: string | undefined;
}

export interface ReceivedBackup {
  /** Of the newest release in it. */
  version: number;
  sizeBytes: number;
}

type Write = (bytes: Uint8Array) => Promise<unknown>;

const PROGRESS_MS = 1000;

/** @throws AppError of the platform, or unavailable when it stopped on the way. */
export async function receiveBackup(
  { client, out }: Context,
  order: BackupOrder,
  write: Write,
): Promise<ReceivedBackup> {
  const progress = new Progress(out, `Backing up ${order.app}...`);
  try {
    const key = await oneTimeKey();
    const answer = await client.backup(order.app, key.recipient);
    const total = Number(answer.headers["content-length"]);
    const bytes = new ByteReader(unbroken(answer));
    const start = await readBackupStart(bytes);
    const head = await restart(start, await key.open(start.keys.data), order.passphrase);
    await write(head);
    const startBytes = bytes.position;
    let done = startBytes;
    for await (const chunk of bytes.rest()) {
      await write(chunk);
      done += chunk.length;
      progress.share(done / total);
    }
    if (done !== total) throw brokeOff();
    return { version: start.facts.version, sizeBytes: done - startBytes + head.length };
  } finally {
    progress.end();
  }
}

async function restart(start: BackupStart, keys: string, passphrase: string | undefined): Promise<Buffer> {
  const [name, data] =
    passphrase === undefined
      ? [PLAIN_KEYS_ENTRY, Buffer.from(keys)]
      : [SEALED_KEYS_ENTRY, await sealKeys(keys, passphrase)];
  const entry = await formatEntry(name, data, new Date(start.facts.createdAt));
  return Buffer.concat([start.factsEntry, entry, start.bundleHead]);
}

async function* unbroken(answer: StreamedAnswer): AsyncIterable<Buffer> {
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

/** The seconds while the platform packs, then how much has come. */
class Progress {
  readonly #out: Terminal;
  readonly #what: string;
  readonly #timer: NodeJS.Timeout;

  constructor(out: Terminal, what: string) {
    this.#out = out;
    this.#what = what;
    const since = performance.now();
    out.progress(what);
    this.#timer = setInterval(() => {
      out.progress(`${what} packing, ${((performance.now() - since) / 1000).toFixed(0)}s`);
    }, PROGRESS_MS);
  }

  share(done: number): void {
    clearInterval(this.#timer);
    this.#out.progress(`${this.#what} ${(done * 100).toFixed(0)}%`);
  }

  end(): void {
    clearInterval(this.#timer);
    this.#out.progress();
  }
}
