/** The ledger at 100, 10,000 and 100,000 releases, and beside a pack of 500 MB: what an append, a listing and a look-up
 *  cost. The ledger is opened in this process, as the daemon opens it; memory is that of a real daemon. */
import { closeSync, fsyncSync, openSync, renameSync, writeSync } from "node:fs";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { createAppKeys, loadAppKeys } from "../../src/ledger/app-keys.ts";
import { createRepository } from "../../src/ledger/create-repository.ts";
import { initialRelease } from "../../src/ledger/initial-release.ts";
import { Ledger } from "../../src/ledger/ledger.ts";
import { openLedgerKey } from "../../src/ledger/ledger-key.ts";
import { deployFixture, must, platformClient } from "../support/deploy.ts";
import { addLargeCode, growLedger } from "../support/long-ledger.ts";
import { startPlatform, type TestPlatform } from "../support/platform.ts";
import type { TestContext } from "../support/suite.ts";
import { inPairs, median, ms, timed, times, withContext, type Row } from "./measure.ts";
import { residentMb } from "./process-figures.ts";

const run = promisify(execFile);
const LENGTHS = [100, 10_000, 100_000];
const LARGE_MB = 500;
const PAIRS = 60;
const BY = { name: "Rick", email: "rick@foobazco.com" };
const CLOCK = { now: () => Date.now(), sleep: () => Promise.resolve() };
/** As large as the objects of a release. */
const SMALL_FILE = Buffer.alloc(500, "x");

interface Lab {
  name: string;
  repo: string;
  ledger: Ledger;
  dir: string;
}

export async function benchLedger(): Promise<Row[]> {
  const rows = await withContext(async (t) => {
    const dir = await t.tempDir();
    const labs: Lab[] = [];
    for (const length of LENGTHS)
      labs.push(await openLab(t, dir, { name: `${length.toLocaleString("en")} releases`, length }));
    labs.push(
      await openLab(t, dir, { name: `100 releases beside ${String(LARGE_MB)} MB`, length: 100, largeMb: LARGE_MB }),
    );
    return [...(await benchAppends(labs)), ...(await benchLists(labs)), ...(await benchLookUps(labs))];
  });
  return [...rows, ...(await benchDaemon())];
}

async function openLab(
  t: TestContext,
  dir: string,
  { name, length, largeMb }: { name: string; length: number; largeMb?: number },
): Promise<Lab> {
  const base = join(dir, name.replaceAll(/\W/g, "-"));
  const [repo, keyPath] = [`${base}.git`, join(dir, "ledger.key")];
  const appKeys = await createAppKeys(`${base}.keys`);
  const signingKey = await openLedgerKey(keyPath);
  const options = { repoPath: repo, indexPath: `${base}.idx`, signingKey, committer: BY, clock: CLOCK };
  await createRepository(repo, {
    hooksPath: dir,
    async prepare(repoPath) {
      const ledger = await Ledger.open({ ...options, repoPath });
      await ledger.append(async () => initialRelease(BY, "local", appKeys.publicKey));
      await ledger.close();
    },
  });
  await growLedger({ repoPath: repo, signingKey, appKeys }, length);
  if (largeMb !== undefined) await addLargeCode(repo, largeMb);
  const ledger = await Ledger.open(options);
  await ledger.keepUp(new AbortController().signal);
  t.after(() => ledger.close());
  return { name, repo, ledger, dir };
}

/** A config release: file, tree and commit, and the move of the ref. */
async function appendOne({ ledger }: Lab, n: number): Promise<void> {
  await ledger.append(async ({ current }) => {
    if (current === undefined) throw new Error("There is no release.");
    const snapshot = {
      ...(await ledger.snapshot(current)),
      configEnv: `FOO='${String(n)} ${String(Math.random())}'\n`,
    };
    const rest = {
      change: "config",
      description: "Config add FOO",
      by: BY,
      via: "local",
      status: "succeeded",
    } as const;
    return { ...rest, code: current.code, snapshot };
  });
}

/** What a disk asks for the same: four small files, each synced and put in its place. */
function writeFour(dir: string): void {
  for (let n = 0; n < 4; n += 1) {
    const path = join(dir, `small-${String(n)}`);
    const fd = openSync(`${path}.tmp`, "w");
    writeSync(fd, SMALL_FILE);
    fsyncSync(fd);
    closeSync(fd);
    renameSync(`${path}.tmp`, path);
  }
}

async function benchAppends(labs: readonly Lab[]): Promise<Row[]> {
  const rows: Row[] = [];
  for (const lab of labs) {
    let n = 0;
    const [ours, peer] = await inPairs(
      PAIRS,
      () => timed(() => appendOne(lab, (n += 1))),
      () => timed(async () => writeFour(lab.dir)),
    );
    const name = `${ms(peer)} four files`;
    rows.push({
      what: `append to ${lab.name}`,
      ours: ms(ours),
      peer: name,
      ratio: times(ours, peer),
      limit: "2.5 ×",
    });
  }
  return rows;
}

async function benchLists(labs: readonly Lab[]): Promise<Row[]> {
  const rows: Row[] = [];
  for (const { name, ledger, repo } of labs) {
    const log = ["-C", repo, "log", "--first-parent", "-15", "--format=%H %an %ct %s", "refs/heads/releases"];
    const [ours, peer] = await inPairs(
      PAIRS,
      () => timed(() => ledger.list({ max: 15 })),
      () => timed(() => run("git", log)),
    );
    const row = { ours: ms(ours), peer: `${ms(peer)} git log -15`, ratio: times(ours, peer), limit: "0.5 ×" };
    rows.push({ what: `list 15 of ${name}, in the daemon, warm`, ...row });
  }
  return rows;
}

/** v73 by a ledger that has just been opened and remembers nothing but its index. */
async function benchLookUps(labs: readonly Lab[]): Promise<Row[]> {
  const [short, long] = [labs[0], labs.at(-2)];
  if (short === undefined || long === undefined) throw new Error("There is nothing to compare.");
  const lookUp = async ({ ledger }: Lab, version: number): Promise<number> => timed(() => ledger.get(version));
  let version = 10;
  const ours: number[] = [];
  const peer: number[] = [];
  // Each version once: what was read is remembered.
  for (; version < 85; version += 1) {
    peer.push(await lookUp(short, version));
    ours.push(await lookUp(long, version));
  }
  const [a, b] = [median(ours), median(peer)];
  const what = `find one of ${long.name}, in the daemon`;
  return [{ what, ours: `${a.toFixed(2)} ms`, peer: `${b.toFixed(2)} ms of 100`, ratio: times(a, b), limit: "1.2 ×" }];
}

/** Over the daemon's socket, from a client that is warm; and what the daemon needs for it. */
async function benchDaemon(): Promise<Row[]> {
  return withContext(async (t) => {
    const platform = await startPlatform(t);
    for (const app of ["short", "long", "large"]) {
      const clone = await deployFixture(platform, "hello", app);
      await must(platform, clone, "heroku", "scale", "web=0", "--app", app);
    }
    await must(platform, platform.dir, "heroku", "server:stop", "--apps");
    await growApp(platform, "short", 100);
    await growApp(platform, "long", 100_000);
    await growApp(platform, "large", 100);
    await addLargeCode(join(platform.home, "repos/large.git"), LARGE_MB);
    await platform.start();
    const before = await memory(platform, "short");
    const after = await memory(platform, "large");
    return [
      ...(await benchSocket(platform)),
      {
        what: `daemon's memory, more with ${String(LARGE_MB)} MB`,
        ours: mb(after - before),
        peer: `${mb(before)} without`,
        ratio: "",
        limit: "20 MB",
      },
      {
        what: "daemon's memory, more with 100,000 releases",
        ours: mb((await memory(platform, "long")) - after),
        peer: "",
        ratio: "",
        limit: "20 MB",
      },
    ];
  });
}

async function benchSocket(platform: TestPlatform): Promise<Row[]> {
  const client = platformClient(platform);
  const log = ["-C", join(platform.home, "repos/long.git"), "log", "--first-parent", "-15", "refs/heads/releases"];
  const [list, git] = await inPairs(
    PAIRS,
    () => timed(() => client.releases("long", 15)),
    () => timed(() => run("git", log)),
  );
  const [long, short] = await inPairs(
    PAIRS,
    () => timed(() => client.release("long", 73)),
    () => timed(() => client.release("short", 73)),
  );
  return [
    {
      what: "list 15 of 100,000, over the socket",
      ours: ms(list),
      peer: `${ms(git)} git log -15`,
      ratio: times(list, git),
      limit: "0.5 ×",
    },
    {
      what: "v73 of 100,000, over the socket",
      ours: ms(long),
      peer: `${ms(short)} of 100`,
      ratio: times(long, short),
      limit: "1.2 ×",
    },
  ];
}

async function growApp(platform: TestPlatform, app: string, length: number): Promise<void> {
  const keys = join(platform.home, "keys");
  const appKeys = await loadAppKeys(join(keys, `${app}.keys`));
  const signingKey = await openLedgerKey(join(keys, "ledger.key"));
  await growLedger({ repoPath: join(platform.home, "repos", `${app}.git`), signingKey, appKeys }, length);
}

/** Resident megabytes of the daemon after it has listed, looked up and changed. */
async function memory(platform: TestPlatform, app: string): Promise<number> {
  const client = platformClient(platform);
  for (let n = 0; n < 30; n += 1) {
    await client.releases(app, 15);
    await client.release(app, 50 + n);
    await client.changeConfig(app, { COUNTER: String(n) });
  }
  return residentMb(platform.pid);
}

function mb(value: number): string {
  return `${value.toFixed(0)} MB`;
}
