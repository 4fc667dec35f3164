/** A whole ledger verified by the built command, against `git verify-commit` over the same releases: timed on some of
 *  them, scaled to all. git checks a signature and nothing else. */
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { ForgedLedger } from "../support/forged-ledger.ts";
import { testKey } from "../support/test-keys.ts";
import { PROGRAM } from "../support/transcript.ts";
import { inPairs, ms, timed, withContext, type Row } from "./measure.ts";

const run = promisify(execFile);
const RELEASES = 10_000;
const PEER_COMMITS = 200;
const PAIRS = 3;
const VARIABLES = 15;

export async function benchVerify(): Promise<Row[]> {
  return withContext(async (t) => {
    const dir = await t.tempDir();
    const repo = join(dir, "foobaz.git");
    const ledger = makeLedger();
    await ledger.writeTo(repo);
    const env = { PATH: process.env["PATH"] ?? "", HOME: dir, GIT_HEROKU_HOME: join(dir, "home") };
    // As a repository is after git's own housekeeping.
    await run("git", ["repack", "-a", "-d", "-f", "-q"], { cwd: repo, env });
    await writeFile(join(dir, "signers"), `platform@git-heroku namespaces="git" ${testKey("ledger").publicKey}\n`);
    const oids = ledger.releases.slice(-PEER_COMMITS).map(({ oid }) => oid);
    const signers = `gpg.ssh.allowedSignersFile=${join(dir, "signers")}`;
    const [ours, peer] = await inPairs(
      PAIRS,
      () => timed(() => run(process.execPath, [PROGRAM, "releases:verify"], { cwd: repo, env })),
      () => timed(() => run("git", ["-c", signers, "verify-commit", ...oids], { cwd: repo, env })),
    );
    const scaled = (peer / PEER_COMMITS) * RELEASES;
    return [
      {
        what: `releases:verify of ${RELEASES.toLocaleString("en")} releases`,
        ours: ms(ours),
        peer: `${ms(scaled)} git verify-commit (${String(PEER_COMMITS)} timed, scaled)`,
        ratio: `${(ours / scaled).toFixed(3)} ×`,
        limit: "0.05 ×",
      },
    ];
  });
}

/** Mostly changes of config, every tenth a deploy, some rollbacks, as ledgers are. */
function makeLedger(): ForgedLedger {
  const ledger = new ForgedLedger();
  ledger.release("initial");
  ledger.release("deploy");
  while (ledger.releases.length < RELEASES) {
    const version = ledger.releases.length + 1;
    if (version % 50 === 0) ledger.release(`rollback v${String(version - 20)}`);
    else if (version % 10 === 0) ledger.release("deploy");
    else ledger.release("config", [{ verb: "file", rest: `config.env ${JSON.stringify(config(version))}` }]);
  }
  return ledger;
}

/** One of the variables has just changed. */
const values = Array.from({ length: VARIABLES }, () => randomBytes(110).toString("base64"));

function config(version: number): string {
  values[version % VARIABLES] = randomBytes(110).toString("base64");
  const lines = values.map((value, index) => `VARIABLE_${String(index + 10)}='encrypted:${value}'\n`);
  return `DOTENV_PUBLIC_KEY="02${"ab".repeat(32)}"\n${lines.join("")}`;
}
