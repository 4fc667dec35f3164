/** The answers of the Platform API as this client reads them: Heroku's v3 shapes, times as ISO 8601 text. */
import type { BackupKeys } from "../core/backup.ts";

export interface App {
  id: string;
  name: string;
  web_url: string;
  /** The remote: the path of the app's bare repository. */
  git_url: string;
  created_at: string;
  updated_at: string;
  released_at: string | null;
  maintenance: boolean;
  owner: { email: string; id: string };
  region: { name: string } | null;
  stack: { name: string } | null;
  slug_size: number | null;
}

export interface Dyno {
  id: string;
  /** `web.1` */
  name: string;
  type: string;
  command: string;
  state: string;
  release: { id: string; version: number };
  /** When the state last changed. */
  updated_at: string;
  extended?: ExtendedDyno;
}

export interface ExtendedDyno {
  pid: number | null;
  port: number | null;
  release: number;
  /** Gets requests. */
  serving: boolean;
  /** False for one whose name another process has now. */
  listed: boolean;
  restarts: number;
  /** Bytes; null where the machine does not say. */
  memory: number | null;
  /** The machine that it runs on. */
  host: string;
}

/** How a wait for processes ended. */
export interface WaitItem {
  status: "up" | "crashed" | "timeout";
  /** Of the newest release. */
  version: number;
  /** Those that were waited for. */
  dynos: Dyno[];
}

export interface WaitQuery {
  type: string | undefined;
  withRun: boolean;
  seconds: number;
}

/** What the processes of a type may use, as people write it; null is no limit. */
export interface LimitsItem {
  type: string;
  /** `512MB` */
  memory: string | null;
  open_files: string | null;
  processes: string | null;
}

export interface FormationItem {
  type: string;
  quantity: number;
  command: string;
}

export interface FormationUpdate {
  type: string;
  /** `3`, `+1` or `-1`: the platform does the sum, so that two people scaling at once both count. */
  quantity: string;
}

export interface ReleaseItem {
  id: string;
  version: number;
  description: string;
  user: { id: string; email: string };
  created_at: string;
  status: string;
  current: boolean;
  eligible_for_rollback: boolean;
  addon_plan_names: string[];
  commit: string | null;
  change: string;
  via: string;
  /** Left out by platforms that know no marks. */
  mark?: Mark | null;
}

/** Somebody says that a release is bad. */
export interface Mark {
  version: number;
  reason: string;
  /** An address. */
  by: string;
  at: string;
}

export interface RollbackItem extends ReleaseItem {
  /** Passed over because they are marked bad, newest first. */
  skipped?: Mark[];
  /** The mark of the release that was copied. */
  target_mark?: Mark | null;
}

export interface NameChanges {
  added: string[];
  changed: string[];
  removed: string[];
}

/** What a revert changes, against the current release. */
export interface RevertChanges {
  config: NameChanges;
  addons: NameChanges;
  files: { path: string; change: "added" | "changed" | "removed" }[];
}

export interface RevertItem extends ReleaseItem {
  changes: RevertChanges;
}

/** What a single release tells beyond its row in a listing. */
export interface ReleaseDetails extends ReleaseItem {
  commit_subject: string | null;
  config_names: string[];
  /** What a rollback copied. */
  copy_of: NamedRelease | null;
  /** Type → command. */
  process_types: Record<string, string>;
  /** Whose change a revert took back. */
  takes_back: NamedRelease | null;
}

export interface NamedRelease {
  id: string;
  version: number;
  description: string;
}

export interface RouterInfo {
  pid: number;
  port: number;
  version: string;
  started_at: string;
}

export interface PlatformInfo {
  version: string;
  pid: number;
  home: string;
  started_at: string;
  router_url: string;
  api_url: string;
  /** The file that NODE_EXTRA_CA_CERTS has to name for `heroku run`. */
  certificate: string;
  router: RouterInfo;
  apps: number;
  rss_bytes: number;
}

export type { VerifyReport } from "../core/audit-report.ts";

export interface BuildpackItem {
  /** From 0, in the order in which they run. */
  ordinal: number;
  buildpack: { url: string; name: string };
}

export interface DomainItem {
  hostname: string;
  /** `heroku`: the name that every app has. */
  kind: "heroku" | "custom";
  cname: string | null;
  created_at: string;
}

export interface DrainItem {
  id: string;
  token: string;
  /** Masked. */
  url: string;
  created_at: string;
  extended?: DrainStatus;
}

export interface DrainStatus {
  state: "delivering" | "failing" | "refused";
  /** Null while it delivers. */
  since: string | null;
  error: string | null;
  retry_at: string | null;
  /** The age of the oldest line that is under way. */
  behind_seconds: number;
  /** Messages, since it was added. */
  delivered: number;
  dropped: number;
}

export interface DoctorCheck {
  name: string;
  ok: boolean;
  level: "ok" | "warning" | "error";
  message: string;
  hint?: string;
}

export interface NamedRelease {
  version: number;
  description: string;
}

/** Where a bisection stands. */
export interface BisectItem {
  good: number;
  bad: number;
  command: string;
  /** Seconds. */
  timeout: number;
  status: "running" | "found" | "undecided" | "refuted";
  verdicts: (NamedRelease & { verdict: "good" | "bad" | "skip"; reason: string })[];
  /** What the next step will try: an end, to see whether it is as `expected`, or a release between. */
  next: (NamedRelease & { expected: "good" | "bad" | null; left: number | null; steps: number | null }) | null;
  first_bad: ReleaseItem | null;
  /** The last release before the first bad one that can run. */
  before: number | null;
  suspects: NamedRelease[];
  refuted: (NamedRelease & { expected: "good" | "bad"; verdict: "good" | "bad" | "skip" }) | null;
}

/** What a bisection would look at. */
export interface BisectPlanItem {
  good: number;
  bad: number;
  command: string;
  releases: NamedRelease[];
  left_out: number;
  copies: number;
  probes_max: number;
}

export interface BisectRequest {
  command: string;
  good: number | undefined;
  bad: number | undefined;
  /** Seconds. */
  timeout: number | undefined;
  trust: boolean;
}

export interface RestoreOrder {
  name: string;
  /** A mirror clone, or the file that a bundle is in. */
  path: string;
  bundle?: { offset: number; bytes: number };
  head?: { version: number; oid: string };
  keys: BackupKeys;
}

/** One of these is there. */
export interface RestoreLine {
  output?: string;
  progress?: { what: string; percent?: number };
  error?: { id: string; message: string; hint?: string };
  restored?: {
    name: string;
    version: number;
    /** Whether the key that signed the ledger so far is at hand. */
    ledger_key_known: boolean;
    /** Why it does not run. */
    fault?: { message: string; hint?: string };
  };
}
