/** Looking back: the daemon's difference of two releases of a large app against `git diff --stat` of the same commits,
 *  the command against `node -e 0`, and who set the config in a long ledger. */
import { mkdir, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { must, platformClient } from "../support/deploy.ts";
import { startPlatform, type TestPlatform } from "../support/platform.ts";
import { appendReleases } from "./commands.ts";
import { inPairs, ms, timed, times, withContext, type Row } from "./measure.ts";

const PAIRS = 25;
const FILES = 10_000;
const FILES_IN_A_DIRECTORY = 100;
/** Each of them in another directory, the worst case for git. */
const CHANGED = 100;
const COMMITS = 5;
const LONG = 10_000;
const APP = "large";

export async function benchSee(): Promise<Row[]> {
  return withContext(async (t) => {
    const platform = await startPlatform(t);
    const clone = join(platform.dir, APP);
    const [before, after] = await deployTwice(platform, clone);
    const repo = join(platform.home, "repos", `${APP}.git`);
    const exec = (cwd: string, command: string, ...args: string[]) =>
      timed(() => platform.exec(command, args, { cwd }));
    const [daemon, git] = await inPairs(
      PAIRS,
      () => timed(() => ask(platform, `/apps/${APP}/releases/3/diff?base=2`)),
      () => exec(repo, "git", "diff", "--stat", before, after),
    );
    const [command, node] = await inPairs(
      PAIRS,
      () => exec(clone, "git-heroku", "releases:diff", "v2", "v3"),
      () => exec(clone, "node", "-e", "0"),
    );
    return [
      {
        what: `releases:diff of ${String(FILES)} files, in the daemon`,
        ours: ms(daemon),
        peer: `${ms(git)} git diff --stat`,
        ratio: times(daemon, git),
        limit: "3 ×",
      },
      {
        what: "`releases:diff` of the same, in its clone",
        ours: ms(command),
        peer: `${ms(node)} node -e 0`,
        ratio: times(command, node),
        limit: "2 ×",
      },
      ...(await benchBlame(platform)),
    ];
  });
}

/** Resolves with the two commits. */
async function deployTwice(platform: TestPlatform, clone: string): Promise<[string, string]> {
  for (let n = 0; n < FILES; n += 1) {
    const directory = join(clone, "src", String(Math.floor(n / FILES_IN_A_DIRECTORY)));
    if (n % FILES_IN_A_DIRECTORY === 0) await mkdir(directory, { recursive: true });
    await writeFile(join(directory, `file-${String(n)}.js`), `exports.number = ${String(n)};\n`.repeat(20));
  }
  await writeFile(join(clone, "Procfile"), "worker: exec sleep 600\n");
  await must(platform, clone, "init", "-q", "-b", "main");
  await must(platform, clone, "add", ".");
  await must(platform, clone, "commit", "-q", "-m", "First");
  await must(platform, clone, "heroku", "create", APP);
  await must(platform, clone, "push", "-q", "production", "main");
  for (let n = 0; n < COMMITS; n += 1) {
    for (let file = n; file < CHANGED; file += COMMITS) {
      const path = join(clone, "src", String(file), `file-${String(file * FILES_IN_A_DIRECTORY)}.js`);
      await writeFile(path, `exports.changed = ${String(n)};\n`.repeat(15));
    }
    await must(platform, clone, "commit", "-q", "-a", "-m", `Change ${String(n)}`);
  }
  await must(platform, clone, "push", "-q", "production", "main");
  const commits = await must(platform, clone, "rev-list", `-${String(COMMITS + 1)}`, "HEAD");
  const [after = "", ...earlier] = commits.split("\n");
  return [earlier.at(-1) ?? "", after];
}

/** The first variable is as old as the ledger; the last release changed another. */
async function benchBlame(platform: TestPlatform): Promise<Row[]> {
  const app = "long";
  await platform.exec("git-heroku", ["create", app]);
  const client = platformClient(platform);
  await client.changeConfig(app, { OLD: "1" });
  await platform.exec("git-heroku", ["server:stop"]);
  await appendReleases(platform, app, LONG);
  await platform.start();
  await client.changeConfig(app, { NEW: "1" });
  const path = `/apps/${app}/config-blame`;
  const repo = join(platform.home, "repos", `${app}.git`);
  const log = ["log", "--first-parent", "--oneline", "releases", "--", "config.env"];
  const [ours, peer] = await inPairs(
    5,
    () => timed(() => ask(platform, path)),
    () => timed(() => platform.exec("git", log, { cwd: repo })),
  );
  return [
    {
      what: "config:blame of 10,000 releases, in the daemon",
      ours: ms(ours),
      peer: `${ms(peer)} git log -- config.env`,
      ratio: times(ours, peer),
      limit: "",
    },
  ];
}

/** One request, answered in full. */
function ask(platform: TestPlatform, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath: join(platform.home, "server.sock"), path }, (answer) => {
      if (answer.statusCode !== 200) reject(new Error(`${path} answered ${String(answer.statusCode)}`));
      answer.resume().once("end", resolve);
    });
    outgoing.once("error", reject).end();
  });
}
