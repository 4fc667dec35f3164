/** `git-heroku releases` against `node -e 0`, and with a long ledger against a short one. */
import { join } from "node:path";
import { startPlatform, type TestPlatform } from "../support/platform.ts";
import { Ledger } from "../../src/ledger/ledger.ts";
import { openLedgerKey } from "../../src/ledger/ledger-key.ts";
import { deployFixture } from "../support/deploy.ts";
import { inPairs, ms, timed, times, withContext, type Row } from "./measure.ts";

const PAIRS = 15;
const LONG = 10_000;
const SHORT = 100;

export async function benchCommands(): Promise<Row[]> {
  return withContext(async (t) => {
    const platform = await startPlatform(t);
    await deployFixture(platform, "hello", "short-ledger");
    await deployFixture(platform, "hello", "long-ledger");
    await platform.exec("git", ["heroku", "scale", "web=0", "--app", "long-ledger"]);
    await platform.exec("git", ["heroku", "scale", "web=0", "--app", "short-ledger"]);
    await platform.exec("git", ["heroku", "server:stop", "--apps"]);
    await appendReleases(platform, "short-ledger", SHORT);
    await appendReleases(platform, "long-ledger", LONG);
    await platform.start();
    const list = (app: string) => () => timed(() => platform.exec("git-heroku", ["releases", "--app", app]));
    const [ours, node] = await inPairs(PAIRS, list("short-ledger"), () =>
      timed(() => platform.exec("node", ["-e", "0"])),
    );
    const [long, short] = await inPairs(PAIRS, list("long-ledger"), list("short-ledger"));
    const rss = await peakRss(platform, ["releases", "--app", "short-ledger"]);
    return [
      {
        what: "`releases`, 15 rows",
        ours: ms(ours),
        peer: `${ms(node)} node -e 0`,
        ratio: times(ours, node),
        limit: "2 ×",
      },
      { what: "`releases`, peak memory", ours: `${rss.toFixed(0)} MB`, peer: "", ratio: "", limit: "80 MB" },
      {
        what: "`releases` of 10,000 releases",
        ours: ms(long),
        peer: `${ms(short)} of 100`,
        ratio: times(long, short),
        limit: "1.1 ×",
      },
    ];
  });
}

/** Straight into the ledger while the daemon is away: by commands it would take minutes. */
export async function appendReleases(platform: TestPlatform, app: string, count: number): Promise<void> {
  const clock = { now: () => Date.now(), sleep: () => Promise.resolve() };
  const by = { name: "Rick", email: "rick@foobazco.com" };
  const ledger = await Ledger.open({
    repoPath: join(platform.home, "repos", `${app}.git`),
    indexPath: join(platform.home, "apps", app, "ledger.idx"),
    signingKey: await openLedgerKey(join(platform.home, "keys/ledger.key")),
    committer: by,
    clock,
  });
  for (let n = 0; n < count; n += 1) {
    await ledger.append(async ({ current }) => {
      if (current === undefined) throw new Error(`${app} has no release`);
      const snapshot = await ledger.snapshot(current);
      const description = `Config add COUNTER_${String(n)}`;
      return { change: "config", description, by, via: "local", status: "succeeded", code: current.code, snapshot };
    });
  }
  await ledger.close();
}

/** The program tells its own peak as it ends. */
async function peakRss(platform: TestPlatform, args: string[]): Promise<number> {
  const report = 'process.on("exit",()=>{process.stderr.write("peak "+process.resourceUsage().maxRSS+"\\n")})';
  const program = join(platform.dir, "../bin/git-heroku");
  const result = await platform.exec("node", [
    "--import",
    `data:text/javascript,${encodeURIComponent(report)}`,
    program,
    ...args,
  ]);
  return Number(/peak (\d+)/.exec(result.stderr)?.[1]) / 1024;
}
