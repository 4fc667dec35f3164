/** Encodes a release: its tree, its commit, its signature. Writes objects only; no ref moves here. */
import { formatProcfile, parseProcfile } from "../core/procfile.ts";
import type { Person } from "../core/person.ts";
import { formatReleaseMessage, parseRelease, type Commit } from "../core/release-commit.ts";
import type { Release, ReleaseChange, ReleaseStatus } from "../core/release.ts";
import { stamp, type Ink } from "./ink.ts";

/** Everything that a release restores. */
export interface Snapshot {
  /** Tree id of the deployed code; absent until the first deploy. */
  codeTree: string | undefined;
  configEnv: string;
  addonsJson: string;
  /** Effective process types; absent until the first deploy. */
  procfile: string | undefined;
}

export interface NewRelease {
  change: ReleaseChange;
  /** `Deploy 20a5742`: the subject without its version. */
  description: string;
  by: Person;
  /** When it was asked for, milliseconds since the epoch; now, when left out. */
  askedAt?: number | undefined;
  via: string;
  status: ReleaseStatus;
  snapshot: Snapshot;
  /** The deployed commit: the new one of a deploy, else that of the release the snapshot is from. */
  code: string | undefined;
  rollbackTo?: { version: number; oid: string } | undefined;
  reverts?: { version: number; oid: string } | undefined;
  /** A deploy branch to move in the same transaction; `old` undefined: it must not exist yet. */
  deployRef?: { ref: string; old: string | undefined; new: string } | undefined;
}

export async function writeRelease(ink: Ink, asked: NewRelease, head: Release | undefined): Promise<Release> {
  await checkCode(ink, asked);
  const commit: Commit = {
    tree: await writeSnapshot(ink, asked.snapshot),
    parents: [head?.oid, asked.code].filter((parent) => parent !== undefined),
    ...(await stamp(ink, asked, head?.oid)),
    message: formatReleaseMessage({
      version: (head?.version ?? 0) + 1,
      change: asked.change,
      description: asked.description,
      code: asked.code,
      rollbackTo: asked.rollbackTo,
      reverts: asked.reverts,
      status: asked.status,
      via: asked.via,
      ledgerKey: head === undefined ? ink.signingKey.publicKey : ink.nextKey?.publicKey,
    }),
  };
  // Read back from the text: what is returned now is what will be read for ever.
  return parseRelease(await ink.objects.writeCommit(commit, ink.signingKey), commit);
}

export async function readSnapshot(ink: Ink, release: Release): Promise<Snapshot> {
  const tree = await ink.objects.readTree(release.tree);
  const text = async (name: string): Promise<string | undefined> => {
    const entry = tree.get(name);
    return entry && ink.objects.readText(entry.oid);
  };
  const [configEnv, addonsJson, procfile] = await Promise.all(["config.env", "addons.json", "Procfile"].map(text));
  return { codeTree: tree.get("code")?.oid, configEnv: configEnv ?? "", addonsJson: addonsJson ?? "{}\n", procfile };
}

function writeSnapshot(ink: Ink, snapshot: Snapshot): Promise<string> {
  const { codeTree, configEnv, addonsJson, procfile } = snapshot;
  const files = { "config.env": configEnv, "addons.json": addonsJson };
  return ink.objects.writeTree(
    procfile === undefined ? files : { ...files, Procfile: formatProcfile(parseProcfile(procfile)) },
    codeTree === undefined ? {} : { code: codeTree },
  );
}

/** A release must not name one commit and hold the tree of another. */
async function checkCode(ink: Ink, { code, snapshot, change }: NewRelease): Promise<void> {
  if (change === "initial" && code !== undefined) throw new Error("The initial release has no code.");
  const commit = code === undefined ? undefined : await ink.objects.resolveCommit(code);
  if (commit?.oid !== code || commit?.tree !== snapshot.codeTree) {
    throw new Error(`The snapshot's code ${String(snapshot.codeTree)} is not the tree of commit ${String(code)}.`);
  }
}
