/** A program for the crash tests: does one thing to a ledger, as the daemon does it, and says so when it is done. The
 *  clock stands still, so that the same steps come in each run. */
import { writeSync } from "node:fs";
import { createAppKeys, loadAppKeys } from "../../src/ledger/app-keys.ts";
import { createRepository } from "../../src/ledger/create-repository.ts";
import { initialRelease } from "../../src/ledger/initial-release.ts";
import { Ledger, type LedgerOptions } from "../../src/ledger/ledger.ts";
import { openLedgerKey } from "../../src/ledger/ledger-key.ts";
import type { NewRelease } from "../../src/ledger/release-writer.ts";

export interface CrashPlace {
  /** All of it, but for the ledger's key. */
  dir: string;
  repo: string;
  indexPath: string;
  ledgerKey: string;
  /** Made by `create`, with its keys. */
  newRepo: string;
  newAppKeys: string;
  newLedgerKey: string;
  /** A code commit that is in the repository and was not deployed. */
  code: { oid: string; tree: string };
  clockMs: number;
}

export type CrashOperation = keyof typeof OPERATIONS;

const by = { name: "Kate", email: "kate@foobazco.com" };

async function openLedger(place: CrashPlace, more: Partial<LedgerOptions> = {}): Promise<Ledger> {
  return Ledger.open({
    repoPath: place.repo,
    indexPath: place.indexPath,
    committer: { name: "git-heroku", email: "platform@git-heroku" },
    signingKey: await openLedgerKey(place.ledgerKey),
    clock: { now: () => place.clockMs, sleep: async () => undefined },
    ...more,
  });
}

async function withLedger(place: CrashPlace, action: (ledger: Ledger) => Promise<unknown>): Promise<void> {
  const ledger = await openLedger(place);
  acknowledge(await action(ledger));
  await ledger.close();
}

function acknowledge(what: unknown): void {
  writeSync(1, `${JSON.stringify({ done: what ?? true })}\n`);
}

async function append(ledger: Ledger, asked: Partial<NewRelease>): Promise<number | undefined> {
  const release = await ledger.append(async ({ current }) => {
    if (current === undefined) throw new Error("There is no release.");
    const snapshot = asked.snapshot ?? (await ledger.snapshot(current));
    const rest = { change: "config", description: "Config add FOO", by, via: "local", status: "succeeded" } as const;
    return { ...rest, code: current.code, ...asked, snapshot };
  });
  return release?.version;
}

async function deploy(ledger: Ledger, { code }: CrashPlace): Promise<number | undefined> {
  const current = await ledger.current();
  if (current === undefined) throw new Error("There is no release.");
  const snapshot = { ...(await ledger.snapshot(current)), codeTree: code.tree, procfile: "web: node index.js\n" };
  const ref = (await ledger.deployBranch()) ?? "refs/heads/master";
  const deployRef = { ref, old: await ledger.ref(ref), new: code.oid };
  return append(ledger, { change: "deploy", description: "Deploy it", code: code.oid, snapshot, deployRef });
}

async function rollback(ledger: Ledger, version: number): Promise<number | undefined> {
  const target = await ledger.get(version);
  const snapshot = await ledger.snapshot(target);
  const description = `Rollback to v${String(version)}`;
  return append(ledger, { change: "rollback", description, code: target.code, rollbackTo: target, snapshot });
}

async function create(place: CrashPlace): Promise<void> {
  const { publicKey } = await createAppKeys(place.newAppKeys);
  await createRepository(place.newRepo, {
    hooksPath: "/nonexistent",
    async prepare(repoPath) {
      const ledger = await openLedger(place, { repoPath, indexPath: `${repoPath}/ledger.idx` });
      await ledger.append(async () => initialRelease(by, "local", publicKey));
      await ledger.close();
    },
  });
  acknowledge(true);
}

async function makeKeys(place: CrashPlace): Promise<void> {
  const appKeys = await createAppKeys(place.newAppKeys);
  const { publicKey } = await openLedgerKey(place.newLedgerKey);
  acknowledge([(await loadAppKeys(place.newAppKeys)).publicKey === appKeys.publicKey && appKeys.publicKey, publicKey]);
}

const OPERATIONS = {
  config: (place: CrashPlace) =>
    withLedger(place, async (ledger) => {
      const current = await ledger.current();
      const snapshot = current && { ...(await ledger.snapshot(current)), configEnv: "FOO='crash'\n" };
      return append(ledger, snapshot ? { snapshot } : {});
    }),
  deploy: (place: CrashPlace) => withLedger(place, (ledger) => deploy(ledger, place)),
  rollback: (place: CrashPlace) => withLedger(place, (ledger) => rollback(ledger, 2)),
  state: (place: CrashPlace) =>
    withLedger(place, (ledger) =>
      ledger.changeState({ by, via: "local", message: "Scale to web=9" }, () => ({ formation: { web: 9 } })),
    ),
  look: (place: CrashPlace) => withLedger(place, async (ledger) => (await ledger.get(3)).version),
  upkeep: (place: CrashPlace) => withLedger(place, (ledger) => ledger.keepUp(new AbortController().signal)),
  create,
  keys: makeKeys,
  nothing: async () => undefined,
} satisfies Record<string, (place: CrashPlace) => Promise<void>>;

const [operation, place] = process.argv.slice(2);
if (operation !== undefined && place !== undefined) {
  await OPERATIONS[operation as CrashOperation](JSON.parse(place) as CrashPlace);
}
