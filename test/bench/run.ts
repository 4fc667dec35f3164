/** `npm run bench`: the product beside a real peer in the same run; figures are ratios of medians, so that a slow or
 *  busy machine changes both sides. `npm run bench -- push` runs the rows whose name matches. Prints Markdown. */
import { cpus, totalmem } from "node:os";
import { benchApi } from "./api.ts";
import { benchBuilds } from "./builds.ts";
import { benchCommands } from "./commands.ts";
import { benchFormation } from "./formation.ts";
import { benchHerokuCli } from "./heroku-cli.ts";
import { benchIdle } from "./idle.ts";
import { benchLedger } from "./ledger.ts";
import { benchLogs } from "./logs.ts";
import { benchLogsIntake } from "./logs-intake.ts";
import { benchLogsCommand, benchLogsFollow, benchLogsKills } from "./logs-live.ts";
import { benchPush } from "./push.ts";
import { benchRollback } from "./rollback.ts";
import { benchRouter } from "./router.ts";
import { benchSee } from "./see.ts";
import { benchTeam } from "./team.ts";
import { benchVerify } from "./verify.ts";
import { benchTeamSsh } from "./team-ssh.ts";
import { benchTeamWatch } from "./team-watch.ts";
import type { Row } from "./measure.ts";

const SETS: Record<string, () => Promise<Row[]>> = {
  push: benchPush,
  team: benchTeam,
  commands: benchCommands,
  builds: benchBuilds,
  rollback: benchRollback,
  formation: benchFormation,
  see: benchSee,
  idle: benchIdle,
  router: benchRouter,
  verify: benchVerify,
  ledger: benchLedger,
  "team-ssh": benchTeamSsh,
  "team-watch": benchTeamWatch,
  api: benchApi,
  "heroku-cli": benchHerokuCli,
  "logs-query": benchLogs,
  "logs-intake": benchLogsIntake,
  "logs-live-follow": benchLogsFollow,
  "logs-live-command": benchLogsCommand,
  "logs-live-kills": benchLogsKills,
};

const wanted = process.argv.slice(2);
console.log(
  `Node ${process.version}, ${String(cpus().length)} cores, ${String(Math.round(totalmem() / 2 ** 30))} GiB.\n`,
);
console.log("| what | ours | peer | ratio | limit |\n|---|---|---|---|---|");
for (const [name, bench] of Object.entries(SETS)) {
  if (wanted.length > 0 && !wanted.some((set) => name === set || name.startsWith(`${set}-`))) continue;
  for (const row of await bench()) {
    console.log(`| ${row.what} | ${row.ours} | ${row.peer} | ${row.ratio} | ${row.limit} |`);
  }
}
