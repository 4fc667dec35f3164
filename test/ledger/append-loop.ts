/** A program for the crash test: appends deploys and config changes without end and prints each version it was told. */
import { Ledger } from "../../src/ledger/ledger.ts";
import { openLedgerKey } from "../../src/ledger/ledger-key.ts";

const [repoPath = "", indexPath = "", keyPath = "", code = "", codeTree = ""] = process.argv.slice(2);
const by = { name: "Ned", email: "ned@foobazco.com" };
const ledger = await Ledger.open({
  repoPath,
  indexPath,
  committer: by,
  signingKey: await openLedgerKey(keyPath),
  clock: { now: () => Date.now(), sleep: async () => undefined },
});
for (let n = 0; ; n += 1) {
  const isDeploy = n % 3 === 0;
  const old = await ledger.ref("refs/heads/main");
  const release = await ledger.append(async ({ head, current }) => {
    const snapshot = await ledger.snapshot(current ?? (await ledger.get(1)));
    const configEnv = `N='${String(head?.version)}'\n`;
    return {
      change: isDeploy ? "deploy" : "config",
      description: isDeploy ? "Deploy it" : "Config add N",
      by,
      via: "local",
      status: "succeeded",
      code,
      snapshot: { ...snapshot, codeTree, procfile: "web: x\n", configEnv },
      ...(isDeploy ? { deployRef: { ref: "refs/heads/main", old, new: code } } : {}),
    };
  });
  process.stdout.write(`${String(release?.version)}\n`);
}
