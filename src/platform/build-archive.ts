/** A build of an archive: its files become a commit on the deploy branch, which then goes the way of every push, so that the
 *  ledger has the code and whoever fetches sees it. */
import { createHash, randomUUID } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { AppError } from "../core/error.ts";
import { cleanLine } from "../core/release-commit.ts";
import { DEPLOY_REFS } from "../ledger/deploy-branch.ts";
import type { Actor } from "./actor.ts";
import { announcePush } from "./announce-push.ts";
import type { App } from "./app.ts";
import type { Build, BuildRecord } from "./builds.ts";
import { firstSignal } from "./first-signal.ts";
import type { Platform } from "./platform.ts";
import { receivePush, ZERO_COMMIT } from "./receive-push.ts";
import { atMost, findSource, SOURCE_BYTES_MAX } from "./sources.ts";

export interface ArchiveOrder {
  /** Of the platform's own uploads, or http(s). */
  url: string;
  /** What its maker calls it. */
  version: string | undefined;
  description: string | undefined;
  /** `SHA256:hex` */
  checksum: string | undefined;
}

const CHECKSUM = /^SHA256:([0-9a-f]{64})$/i;
const UPLOAD = /\/sources\/([\w.-]+)$/;
const SUBJECT_USUAL = "Upload code";
const [MAIN = ""] = DEPLOY_REFS;

/** Answers as soon as the build has a record; what comes of it is told there.
 *  @throws AppError invalid_params for a source that cannot be one */
export async function buildArchive(
  platform: Platform,
  app: App,
  order: ArchiveOrder,
  actor: Actor,
): Promise<BuildRecord> {
  const place = await findPlace(platform, order);
  if (app.isEnding) throw new AppError("unavailable", `${app.name} is being closed.`);
  const build = app.builds.begin("", actor, platform.clock.now(), {
    version: order.version ?? null,
    description: order.description ?? null,
    checksum: order.checksum ?? null,
  });
  void app.archives.run(() => new ArchiveBuild(platform, app, build).run({ order, place, actor }));
  return build.record;
}

type Place = { file: string } | { url: URL };

/** @throws AppError invalid_params when it cannot be had */
export async function fetchArchive(url: URL, signal: AbortSignal): Promise<AsyncIterable<Buffer>> {
  const shown = `${url.origin}${url.pathname}`;
  const answer = await fetch(url, { signal }).catch((error: unknown) => {
    throw new AppError("invalid_params", `${shown} cannot be fetched.`, { cause: error });
  });
  if (answer.ok && answer.body !== null) return answer.body as unknown as AsyncIterable<Buffer>;
  throw new AppError("invalid_params", `${shown} cannot be fetched: it answers ${String(answer.status)}.`);
}

/** @throws AppError invalid_params for what is no address of an archive */
export async function findPlace(platform: Platform, { url: text, checksum }: ArchiveOrder): Promise<Place> {
  if (checksum !== undefined && !CHECKSUM.test(checksum)) {
    throw new AppError("invalid_params", "A checksum looks like SHA256: and 64 hexadecimal digits.");
  }
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !["http:", "https:"].includes(url.protocol)) {
    throw new AppError("invalid_params", "The url of a source_blob must be one of http or https.", {
      hint: "Upload the archive: POST /sources says where to.",
    });
  }
  const [, ticket = ""] = UPLOAD.exec(url.pathname) ?? [];
  return (await platform.tickets.read("source", ticket)) === undefined
    ? { url }
    : { file: await findSource(platform, ticket) };
}

class ArchiveBuild {
  readonly #platform: Platform;
  readonly #app: App;
  readonly #build: Build;
  /** Aborts when it is cancelled or the app ends. */
  readonly #signal: AbortSignal;
  readonly #release: () => void;

  constructor(platform: Platform, app: App, build: Build) {
    this.#platform = platform;
    this.#app = app;
    this.#build = build;
    const { signal, release } = firstSignal(app.ending, build.signal);
    this.#signal = signal;
    this.#release = release;
  }

  /** Never rejects: what goes wrong is told of the build. */
  async run(asked: { order: ArchiveOrder; place: Place; actor: Actor }): Promise<void> {
    try {
      await this.#deploy(await this.#commit(asked), asked.actor);
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#release();
    }
  }

  async #deploy({ commit, ref, parent }: Uploaded, actor: Actor): Promise<void> {
    const command = { ref, old: parent ?? ZERO_COMMIT, new: commit };
    const push = { actor, commands: [command], output: unseen, signal: this.#signal, build: this.#build };
    const [report] = await receivePush(this.#platform, this.#app, push);
    if (report?.ok === true) await announcePush(this.#platform, this.#app, [command], unseen);
    else this.#fail(new AppError("conflict", report?.reason ?? ""));
  }

  async #commit({ order, place, actor }: { order: ArchiveOrder; place: Place; actor: Actor }): Promise<Uploaded> {
    const app = this.#app;
    const signal = this.#signal;
    const fetched = "url" in place ? join(this.#platform.home.uploads, `${randomUUID()}.part`) : undefined;
    try {
      if ("url" in place && fetched !== undefined) await this.#fetch(place.url, fetched);
      const file = "file" in place ? place.file : (fetched ?? "");
      await checkSum(file, order.checksum, signal);
      const tree = await app.ledger.code.treeOfArchive(file, signal);
      const ref = (await app.ledger.deployBranch()) ?? MAIN;
      const parent = await app.ledger.ref(ref);
      const commit = await app.ledger.code.writeCommit({ tree, parent, by: actor.by, message: messageOf(order) });
      this.#build.of(commit);
      return { commit, ref, parent };
    } finally {
      if (fetched !== undefined) await rm(fetched, { force: true });
    }
  }

  async #fetch(url: URL, path: string): Promise<void> {
    this.#build.output.write(`-----> Fetching ${url.origin}${url.pathname}\n`);
    const bytes = await fetchArchive(url, this.#signal);
    await mkdir(this.#platform.home.uploads, { recursive: true, mode: 0o700 });
    const file = createWriteStream(path, { mode: 0o600, flags: "wx" });
    await pipeline(bytes, atMost(SOURCE_BYTES_MAX), file, { signal: this.#signal });
  }

  #fail(error: unknown): void {
    const isOver = this.#signal.aborted;
    if (!(error instanceof AppError) && !isOver) this.#platform.journal.fault(`a build of ${this.#app.name}`, error);
    const why = error instanceof AppError ? error.message : "a fault of the platform";
    // What comes after it is told by the release.
    if (this.#build.record.status !== "pending") return;
    const reason = this.#build.cancelled ?? (isOver ? "the platform stopped while it ran" : why);
    this.#build.output.write(`\n !     ${reason}\n`);
    this.#build.failed(this.#platform.clock.now(), reason);
  }
}

/** The build keeps what it prints; nobody watches the rest of the push. */
const unseen = (): void => undefined;

interface Uploaded {
  commit: string;
  ref: string;
  parent: string | undefined;
}

async function checkSum(path: string, checksum: string | undefined, signal: AbortSignal): Promise<void> {
  const wanted = CHECKSUM.exec(checksum ?? "")?.[1];
  if (wanted === undefined) return;
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash, { signal });
  if (hash.digest("hex") === wanted.toLowerCase()) return;
  throw new AppError("invalid_params", "The archive is not the one of the checksum.");
}

function messageOf({ version, description }: ArchiveOrder): string {
  const subject = cleanLine(description ?? "") || SUBJECT_USUAL;
  const named = cleanLine(version ?? "");
  return named === "" ? `${subject}\n` : `${subject}\n\nVersion: ${named}\n`;
}
