/** A program for the race test: opens the ledger, says so, and when it is told to, appends releases as fast as it can.
 *  Prints each version it was told. */
import { once } from "node:events";
import { Ledger } from "../../src/ledger/ledger.ts";
import { openLedgerKey } from "../../src/ledger/ledger-key.ts";

const [repoPath = "", indexPath = "", keyPath = "", name = "", count = ""] = process.argv.slice(2);
const by = { name, email: `${name}@foobazco.com` };
const ledger = await Ledger.open({
  repoPath,
  indexPath,
  committer: by,
  signingKey: await openLedgerKey(keyPath),
  clock: { now: () => Date.now(), sleep: async () => undefined },
});
process.stdout.write("ready\n");
await once(process.stdin, "data");
for (let n = 1; n <= Number(count); n += 1) {
  const release = await ledger.append(async ({ current }) => {
    const snapshot = await ledger.snapshot(current ?? (await ledger.get(1)));
    const configEnv = `${snapshot.configEnv}${name}_${String(n)}='1'\n`;
    const description = `Config add ${name}_${String(n)}`;
    const rest = { change: "config", by, via: "local", status: "succeeded", code: current?.code } as const;
    return { ...rest, description, snapshot: { ...snapshot, configEnv } };
  });
  process.stdout.write(`${String(release?.version)} ${name}_${String(n)}\n`);
}
await ledger.close();
process.stdin.destroy();
