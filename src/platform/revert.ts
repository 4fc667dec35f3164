/** releases:revert: a release with the change of one earlier release taken back and everything later kept. A three-way
 *  merge of release trees: from the tree that the release made, to the one that it started from, done to the current
 *  one. Config vars and add-ons merge name by name, code as git merges it. */
import type { MergedFile } from "../ledger/code-merge.ts";
import { AppError } from "../core/error.ts";
import { formatProcfile } from "../core/procfile.ts";
import { formatCodeRevertMessage } from "../core/release-commit.ts";
import { describeRevert, formatVersion, type Release } from "../core/release.ts";
import type { NameChanges } from "../core/three-way.ts";
import type { Snapshot } from "../ledger/release-writer.ts";
import type { Actor } from "./actor.ts";
import type { App } from "./app.ts";
import { currentOf } from "./current-release.ts";
import { recordBuild, type RecordedBuild } from "./ensure-slug.ts";
import { makeRelease } from "./make-release.ts";
import { launch } from "./launch.ts";
import type { Platform } from "./platform.ts";
import { findReverted, type Reverted } from "./find-reverted.ts";
import { mergeNamed, refuseConflicts, type NamedParts } from "./merge-release.ts";

export interface RevertChanges {
  config: NameChanges;
  addons: NameChanges;
  /** Of the code. */
  files: MergedFile[];
}

export interface RevertOutcome {
  /** Undefined when there was nothing to take back any more. */
  release: Release | undefined;
  changes: RevertChanges;
}

/** A deploy would have to win this many races in a row. */
const ATTEMPTS_MAX = 5;

/** @throws AppError not_found for an unknown release, invalid_params for one without a change to take back or code that
 *  does not build, conflict with everything that was changed again since. Then nothing was recorded. */
export async function revert(platform: Platform, app: App, version: number, actor: Actor): Promise<RevertOutcome> {
  const reverted = await findReverted(app, version);
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
    const current = await currentOf(app);
    const draft = await draftRevert(app, reverted, current, { keep: true });
    // Before the ledger is asked: code that cannot be built must not become the current release.
    const code =
      draft.tree === undefined
        ? undefined
        : await buildCode(platform, app, { reverted, current, tree: draft.tree, actor });
    const outcome = await record(platform, app, { reverted, current, code }, actor);
    if (outcome === "moved") continue;
    if (outcome.release !== undefined) await launch(platform, app, "launch");
    return { release: outcome.release, changes: { ...draft.changes, ...outcome.named } };
  }
  throw new AppError("conflict", `${app.name} was deployed again and again meanwhile.`, { hint: "Try again." });
}

/** What a revert would change. Leaves nothing behind. */
export async function planRevert(app: App, version: number): Promise<RevertChanges> {
  const reverted = await findReverted(app, version);
  return (await draftRevert(app, reverted, await currentOf(app), { keep: false })).changes;
}

interface Draft {
  changes: RevertChanges;
  /** Of the merged code; undefined when the code stays as it is. */
  tree: string | undefined;
}

/** Looks for conflicts of every kind before it refuses, so that one answer lists them all. */
async function draftRevert(app: App, reverted: Reverted, current: Release, options: { keep: boolean }): Promise<Draft> {
  const named = await mergeNamed(app, reverted, current);
  const code = await mergeCode(app, reverted, current, options);
  const conflicts =
    "conflicts" in code ? code.conflicts.map((path) => `file ${JSON.stringify(path).slice(1, -1)}`) : [];
  refuseConflicts(reverted, [...named.conflicts, ...conflicts]);
  if ("conflicts" in code) throw new Error("a conflict was not refused");
  return { changes: { ...named.changes, files: code.files }, tree: code.tree };
}

async function mergeCode(
  app: App,
  { release, before }: Reverted,
  current: Release,
  options: { keep: boolean },
): Promise<{ tree: string | undefined; files: MergedFile[] } | { conflicts: string[] }> {
  const [base, theirs, ours] = (
    await Promise.all([release, before, current].map((one) => app.ledger.snapshot(one)))
  ).map((snapshot) => snapshot.codeTree);
  if (base === theirs || base === undefined || theirs === undefined || ours === undefined) {
    return { tree: undefined, files: [] };
  }
  const merge = await app.ledger.code.merge({ base, ours, theirs }, options);
  if ("conflicts" in merge) return merge;
  return { tree: merge.tree === ours ? undefined : merge.tree, files: merge.files };
}

interface BuiltCode {
  commit: string;
  tree: string;
  built: RecordedBuild;
}

async function buildCode(
  platform: Platform,
  app: App,
  asked: { reverted: Reverted; current: Release; tree: string; actor: Actor },
): Promise<BuiltCode> {
  const { release } = asked.reverted;
  const { tree, actor } = asked;
  const commit = await app.ledger.code.writeCommit({
    tree,
    parent: asked.current.code ?? "",
    by: actor.by,
    message: formatCodeRevertMessage(release),
  });
  try {
    const unseen = { ...actor, output: () => undefined };
    return { commit, tree, built: await recordBuild(platform, app, { commit, actor: unseen }) };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const name = formatVersion(release.version);
    throw new AppError(
      error.id,
      `Cannot revert ${name}: the code without its change does not build (${error.message}).`,
      {
        hint: `${error.hint ?? ""} \`git heroku logs --ps build\` shows the build; nothing was released.`.trim(),
        cause: error,
      },
    );
  }
}

/** Config and add-ons are merged with what is current now; code that was deployed meanwhile asks for another merge. */
async function record(
  platform: Platform,
  app: App,
  { reverted, current, code }: { reverted: Reverted; current: Release; code: BuiltCode | undefined },
  actor: Actor,
): Promise<{ release: Release | undefined; named: NamedParts["changes"] } | "moved"> {
  const { version, oid } = reverted.release;
  let named: NamedParts | undefined;
  const making = { actor, built: code?.built };
  const release = await makeRelease(platform, app, making, async ({ current: now }) => {
    named = undefined;
    if (now === undefined || now.code !== current.code) return undefined;
    named = await mergeNamed(app, reverted, now);
    refuseConflicts(reverted, named.conflicts);
    const snapshot = await app.ledger.snapshot(now);
    const { configEnv, addonsJson } = named;
    const isSame = configEnv === snapshot.configEnv && addonsJson === snapshot.addonsJson && code === undefined;
    if (isSame) return undefined;
    return {
      change: "revert",
      description: describeRevert(version),
      code: code?.commit ?? now.code,
      snapshot: { ...snapshot, ...(code && codeOf(code)), configEnv, addonsJson },
      reverts: { version, oid },
    };
  });
  return named === undefined ? "moved" : { release, named: named.changes };
}

function codeOf({ tree, built }: BuiltCode): Pick<Snapshot, "codeTree" | "procfile"> {
  return { codeTree: tree, procfile: formatProcfile(built.slug.procfile) };
}
