/** The objects that Heroku has no word for (docs/api.md, "Objects"). */
import { dyno, mark, release } from "./heroku-schemas.ts";
import { extended, list, map, object, oid, oneOf, orNull, text, time, truth, uuid, whole } from "./schema-words.ts";

const names = object({ added: list(text), changed: list(text), removed: list(text) });
const described = object({ description: text, id: uuid, version: whole });
const verdict = oneOf("good", "bad", "skip");

export const error = object(
  {
    id: { type: "string", pattern: "^[a-z_]+$" },
    message: text,
  },
  { hint: text, resource: text },
);

export const rollback = extended(release, { skipped: list(mark), target_mark: orNull(mark) });

export const revertPlan = object({
  changes: object({
    addons: names,
    config: names,
    files: list(object({ change: oneOf("added", "changed", "removed"), path: text })),
  }),
});

export const revert = extended(release, revertPlan["properties"] as Record<string, typeof names>);

export const details = extended(release, {
  commit_subject: orNull(text),
  config_names: list(text),
  copy_of: orNull(described),
  process_types: map(text),
  takes_back: orNull(described),
});

const commit = object({ author: object({ email: text, name: text }), created_at: time, id: oid, subject: text });
const entry = object({ from: orNull(text), name: text, to: orNull(text) });
const fileStatus = oneOf("added", "changed", "removed", "renamed");

export const diff = object({
  addons: list(entry),
  base: release,
  commits: object({ added: list(commit), removed: list(commit), truncated: truth }),
  config: names,
  files: list(
    object({
      added: orNull(whole),
      binary: truth,
      path: text,
      previous_path: orNull(text),
      removed: orNull(whole),
      status: fileStatus,
    }),
  ),
  lock_files: list(object({ changes: list(entry), path: text, problem: orNull(text), status: fileStatus })),
  process_types: list(entry),
  release,
  totals: object({ added: whole, files: whole, removed: whole }),
});

const cause = {
  change: text,
  created_at: time,
  description: text,
  release: object({ id: uuid, version: whole }),
  user: object({ email: text, id: uuid }),
};

export const configBlame = object({ ...cause, name: text });

export const configEvent = object({ ...cause, event: oneOf("set", "changed", "removed") }, { value: orNull(text) });

export const verification = object({
  app: text,
  findings: list(object({ kind: text, message: text, oid: text, version: orNull(whole) })),
  findings_total: whole,
  first: whole,
  head: text,
  keys: list(object({ fingerprint: text, public_key: text, version: whole })),
  last: whole,
  releases: whole,
  state_changes: whole,
});

const candidate = { description: text, version: whole };
const asked = {
  app: object({ id: uuid, name: text }),
  bad: whole,
  command: text,
  good: whole,
  timeout: { type: "number" },
  trust: truth,
};

export const bisection = object({
  ...asked,
  before: orNull(whole),
  first_bad: orNull(release),
  next: orNull(
    object({ ...candidate, expected: orNull(oneOf("good", "bad")), left: orNull(whole), steps: orNull(whole) }),
  ),
  refuted: orNull(object({ ...candidate, expected: oneOf("good", "bad"), verdict })),
  status: oneOf("running", "found", "undecided", "refuted"),
  suspects: list(object(candidate)),
  verdicts: list(object({ ...candidate, reason: text, verdict })),
});

export const bisectionPlan = object({
  ...asked,
  copies: whole,
  left_out: whole,
  probes_max: whole,
  releases: list(object(candidate)),
});

export const limits = object({
  memory: orNull(text),
  open_files: orNull(text),
  processes: orNull(text),
  type: text,
});

export const wait = object({ dynos: list(dyno), status: oneOf("up", "crashed", "timeout"), version: whole });

export const logCount = object({ count: whole });

const lineCounts = { counts: list(whole), errors: whole, lines: whole };
const requestCounts = {
  counts: list(whole),
  failed: whole,
  requests: whole,
  service_ms: orNull(object({ max: whole, p50: whole, p95: whole, p99: whole })),
};

export const logStats = object({
  by: orNull(text),
  every: whole,
  from: orNull(time),
  groups: list({ anyOf: [object({ name: text, ...lineCounts }), object({ name: text, ...requestCounts })] }),
  lines: orNull(object(lineCounts)),
  other: { anyOf: [object(lineCounts), object(requestCounts), { type: "null" }] },
  requests: orNull(object(requestCounts)),
  to: orNull(time),
});

export const logErrors = object({
  groups: list(
    object({
      count: whole,
      first_seen: text,
      frame: orNull(text),
      last_seen: text,
      message: text,
      new: truth,
      processes: list(text),
      release: orNull(whole),
      shape: text,
    }),
  ),
  total: object({ errors: whole, groups: whole }),
});

export const logSegment = object({ bytes: whole, name: text });
export const logImport = object({ bytes: whole, imported_at: text, name: text });
export const logImported = object({
  first: orNull(text),
  last: orNull(text),
  lines: whole,
  name: text,
  rejected: whole,
  rejected_example: orNull(text),
});

/** What the slug store holds. */
export const storedSlug = object({
  buildpack_provided_description: text,
  checksum: orNull(text),
  created_at: time,
  id: text,
  intact: orNull(truth),
  locked: truth,
  own_size: whole,
  releases: list(whole),
  running: truth,
  size: whole,
});

export const disk = object({ cache: whole, logs: whole, repository: whole, run: whole, slugs: whole });

export const router = object({ pid: whole, port: whole, started_at: time, version: text });

export const platform = object({
  api_url: orNull(text),
  certificate: text,
  apps: whole,
  home: text,
  pid: whole,
  processes: whole,
  router,
  router_url: text,
  rss_bytes: whole,
  started_at: time,
  version: text,
});

export const doctorLine = object(
  { level: oneOf("ok", "warning", "error"), message: text, name: text, ok: truth },
  { hint: text },
);

export const rendezvous = object({ certificate: text });

export const health = object({ status: oneOf("ok") });
