/** The difference of two releases on the wire (docs/api.md, "Diff"). */
import type { EntryChange } from "../core/map-changes.ts";
import type { Release } from "../core/release.ts";
import type { App } from "../platform/app.ts";
import type { CodeCommit, FileChange, ReleaseDiff } from "../platform/diff-releases.ts";
import { iso, releaseResource, type Resource } from "./resources.ts";

/** More than a person reads; the sums count all of them. */
const FILES_MAX = 20_000;

export function diffResource(app: App, diff: ReleaseDiff, current: Release | undefined): Resource {
  return {
    base: releaseResource(app, diff.base, current),
    release: releaseResource(app, diff.release, current),
    commits: {
      added: diff.commits.added.map(commitResource),
      removed: diff.commits.removed.map(commitResource),
      truncated: diff.commits.isCut,
    },
    files: diff.files.slice(0, FILES_MAX).map(fileResource),
    totals: {
      files: diff.files.length,
      added: sum(diff.files, ({ added }) => added),
      removed: sum(diff.files, ({ removed }) => removed),
    },
    lock_files: diff.lockFiles.map(({ path, status, changes, problem }) => ({
      path,
      status,
      changes: changes.map(entryResource),
      problem: problem ?? null,
    })),
    config: diff.config,
    process_types: diff.processTypes.map(entryResource),
    addons: diff.addons.map(entryResource),
  };
}

function commitResource({ oid, subject, author, createdAt }: CodeCommit): Resource {
  return { id: oid, subject, author, created_at: iso(createdAt) };
}

function fileResource({ path, previousPath, status, added, removed }: FileChange): Resource {
  const binary = added === undefined;
  return { path, previous_path: previousPath ?? null, status, binary, added: added ?? null, removed: removed ?? null };
}

function entryResource({ name, from, to }: EntryChange): Resource {
  return { name, from: from ?? null, to: to ?? null };
}

function sum(files: readonly FileChange[], count: (file: FileChange) => number | undefined): number {
  return files.reduce((total, file) => total + (count(file) ?? 0), 0);
}
