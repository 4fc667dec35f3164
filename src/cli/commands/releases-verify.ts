/** `git heroku releases:verify` */
import { hasReleasesBranch } from "../../clone/connect-app.ts";
import { fetchLedger, viewLedger } from "../../clone/ledger-view.ts";
import { isRepository } from "../../clone/remotes.ts";
import { parseTrustedKey, readMemory, rememberKey } from "../../clone/seen-head.ts";
import { APP_OPTIONS, JSON_OPTION, type Command, type Context } from "../command.ts";
import { usageError } from "../parse-arguments.ts";
import { verifyClone, type CloneToVerify } from "../verify-clone.ts";
import { summarise, tellFindings, tellRewrite, type VerifyJson } from "../verify-words.ts";

const FAILED = 1;

export const releasesVerify: Command = {
  name: "releases:verify",
  topic: "Releases",
  summary: "Check that the ledger is whole and was not rewritten",
  details:
    "Recomputes and checks every release that this clone has fetched: the chain down to v1, trees, dates, trailers and signatures, and that it descends from what was verified here before. Needs neither the platform nor a network. A ledger that was rewritten is refused; both histories are kept below refs/heroku/evidence.",
  options: [
    ...APP_OPTIONS,
    { name: "fetch", summary: "fetch first" },
    { name: "server", summary: "let the platform check its own repository" },
    { name: "trust-key", value: "KEY", summary: "a key to accept: its fingerprint or itself" },
    { name: "accept-rewrite", summary: "take a rewritten ledger as right from now on" },
    JSON_OPTION,
  ],
  examples: [
    { command: "git heroku releases:verify --fetch", summary: "all there is" },
    { command: "git heroku releases:verify --server --app foobaz", summary: "without a clone" },
  ],
  run(context) {
    const { args, world } = context;
    const isElsewhere = args.value("app") !== undefined && !isRepository(world);
    return args.has("server") || isElsewhere ? verifyOnServer(context) : verifyHere(context);
  },
};

async function verifyOnServer(context: Context): Promise<number | undefined> {
  const { args, out, client } = context;
  for (const option of ["fetch", "accept-rewrite", "trust-key"]) {
    if (!args.has(option) && args.value(option) === undefined) continue;
    throw usageError(releasesVerify, `--${option} is about a clone; the platform has its own repository`);
  }
  const app = context.app();
  const ask = () => client.verifyReleases(app);
  const isJson = args.has("json");
  const report = isJson ? await ask() : await out.action(`-----> Verifying ${app}`, ask, { done: summarise });
  if (isJson) await out.json(report);
  else tellFindings(out, report);
  return report.findings_total === 0 ? undefined : FAILED;
}

async function verifyHere(context: Context): Promise<number | undefined> {
  const { args, out } = context;
  const clone = openClone(context);
  const work = (): Promise<VerifyJson> => verifyClone(clone);
  const isJson = args.has("json");
  const verdict = isJson
    ? await work()
    : await out.action(`-----> Verifying ${clone.view.name}`, work, { done: summarise });
  if (isJson) await out.json(verdict);
  else tell(context, clone, verdict);
  return verdict.findings_total === 0 && verdict.rewritten?.accepted !== false ? undefined : FAILED;
}

/** The ledger that is meant, and what this clone knows of it. A key to trust is remembered right away. */
function openClone({ args, world, platform }: Context): CloneToVerify {
  const choice = { app: args.value("app"), remote: args.value("remote") };
  const text = args.value("trust-key");
  const key = text === undefined ? undefined : parseTrustedKey(text);
  if (args.has("fetch")) fetchLedger(world, platform, choice, "Without --fetch, what was fetched before is verified.");
  const view = viewLedger(world, platform, choice);
  const { remote } = view;
  if (key !== undefined && remote !== undefined) rememberKey(world, remote, key);
  const known = remote === undefined ? { seen: undefined, trustedKeys: [] } : readMemory(world, remote);
  const memory = key === undefined ? known : { ...known, trustedKeys: [...known.trustedKeys, key] };
  return { world, view, memory, acceptRewrite: args.has("accept-rewrite") };
}

function tell({ out, world }: Context, { view }: CloneToVerify, verdict: VerifyJson): void {
  tellFindings(out, verdict);
  if (verdict.rewritten !== undefined) tellRewrite(out, verdict.rewritten, world.now());
  if (view.ref === "refs/heads/releases" || !hasReleasesBranch(world)) return;
  out.warn("This clone has a branch called releases, which `git log releases` shows instead of the ledger.");
}
