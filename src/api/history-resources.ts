/** Answers of the Platform API that look back: the difference of two releases, and who set a config var. */
import type { ReleaseItem } from "./resources.ts";

export interface ReleaseDiff {
  base: ReleaseItem;
  release: ReleaseItem;
  /** `removed` are those that the release takes back. */
  commits: { added: CommitItem[]; removed: CommitItem[]; truncated: boolean };
  files: FileItem[];
  /** Of all files, also of those that are too many to be listed. */
  totals: { files: number; added: number; removed: number };
  lock_files: LockFileItem[];
  /** Names only. */
  config: { added: string[]; changed: string[]; removed: string[] };
  process_types: EntryItem[];
  addons: EntryItem[];
}

export interface CommitItem {
  id: string;
  subject: string;
  author: { name: string; email: string };
  created_at: string;
}

export interface FileItem {
  path: string;
  previous_path: string | null;
  status: "added" | "changed" | "removed" | "renamed";
  binary: boolean;
  /** Lines; null for a binary file. */
  added: number | null;
  removed: number | null;
}

export interface LockFileItem {
  path: string;
  status: FileItem["status"];
  changes: EntryItem[];
  /** Why there are no changes, such as `too large to compare`. */
  problem: string | null;
}

/** `from` is null for what is new, `to` for what is gone. */
export interface EntryItem {
  name: string;
  from: string | null;
  to: string | null;
}

/** A release as the cause of something. */
interface ReleaseReference {
  release: { id: string; version: number };
  description: string;
  change: string;
  user: { id: string; email: string };
  created_at: string;
}

export interface ConfigBlameItem extends ReleaseReference {
  name: string;
}

export interface ConfigHistoryItem extends ReleaseReference {
  event: "set" | "changed" | "removed";
  /** Only where values were asked for; null when it was removed. */
  value?: string | null;
}

/** How a difference of files is asked for as git prints it. */
export interface PatchOptions {
  base: number | undefined;
  /** Whether git shall colour it. */
  color: boolean;
}
