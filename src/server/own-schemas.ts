/** The objects that Heroku has no word for (docs/api.md). */
import { dyno, mark, release } from "./heroku-schemas.ts";
import {
  extended,
  list,
  map,
  object,
  oid,
  oneOf,
  orNull,
  text,
  time,
  told,
  truth,
  uuid,
  whole,
} from "./schema-words.ts";

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

export const rollback = extended(release, {
  skipped: told(list(mark), "marks of the releases that were passed over"),
  target_mark: told(orNull(mark), "of the release that was copied"),
});

export const revertPlan = told(
  object({
    changes: object({
      addons: told(names, "names, sorted"),
      config: told(names, "names, sorted"),
      files: list(object({ change: oneOf("added", "changed", "removed"), path: text })),
    }),
  }),
  "How the release differs from the one that was current. When there was nothing to take back any more, no release is made: 200 and this alone, without `Git-Heroku-Release`. What collides is a 409 whose `message` has a line for each name and path.",
);

export const revert = told(
  extended(release, revertPlan["properties"] as Record<string, typeof names>),
  "Its `commit` is the code commit that a clone can cherry-pick.",
);

export const details = extended(release, {
  commit_subject: told(orNull(text), "null before the first deploy"),
  config_names: told(list(text), "sorted, no values"),
  copy_of: told(orNull(described), "what a rollback copied"),
  process_types: told(map(text), "type → command"),
  takes_back: told(orNull(described), "what a revert took back"),
});

const commit = object({ author: object({ email: text, name: text }), created_at: time, id: oid, subject: text });
const entry = object({ from: orNull(text), name: text, to: orNull(text) });
const fileStatus = oneOf("added", "changed", "removed", "renamed");

export const diff = told(
  object({
    addons: list(entry),
    base: release,
    commits: told(
      object({
        added: list(commit),
        removed: told(list(commit), "those that the release takes back"),
        truncated: told(truth, "there are more than 500"),
      }),
      "code commits on one side only, newest first",
    ),
    config: told(names, "names, sorted; a value that was only encrypted anew has not changed"),
    files: told(
      list(
        object({
          added: told(orNull(whole), "lines; null for a binary file"),
          binary: truth,
          path: told(text, "bytes that are not UTF-8 become U+FFFD"),
          previous_path: orNull(text),
          removed: told(orNull(whole), "lines; null for a binary file"),
          status: fileStatus,
        }),
      ),
      "at most 20000",
    ),
    lock_files: told(
      list(
        object({
          changes: told(list(entry), "several versions of a package are `1.2.0, 1.3.0`"),
          path: text,
          problem: told(
            orNull(text),
            "why there are no changes: `too large to compare` (over 4 MiB), `too many lock files` (over 20), `cannot be read`",
          ),
          status: fileStatus,
        }),
      ),
      "each that differs: package-lock.json, npm-shrinkwrap.json, yarn.lock, Gemfile.lock, requirements.txt, go.mod",
    ),
    process_types: list(entry),
    release,
    totals: told(
      object({ added: whole, files: whole, removed: whole }),
      "of all files, also of those that are left out",
    ),
  }),
  "Of two releases, whatever their status and whichever is older. What git tells of files and of commits is limited to 32 MiB each; beyond that the answer is 422.",
);

const cause = {
  change: text,
  created_at: time,
  description: text,
  release: object({ id: uuid, version: whole }),
  user: object({ email: text, id: uuid }),
};

export const configBlame = object({ ...cause, name: text });

export const configEvent = object(
  { ...cause, event: oneOf("set", "changed", "removed") },
  { value: told(orNull(text), "with `?values=true`; null when it was removed") },
);

export const verification = told(
  object({
    app: text,
    findings: told(
      list(
        object({
          kind: told(text, "one of [these](formats.md#verification)"),
          message: text,
          oid: text,
          version: told(orNull(whole), "null for a state commit"),
        }),
      ),
      "the first 20",
    ),
    findings_total: whole,
    first: told(whole, "a version"),
    head: text,
    keys: told(
      list(object({ fingerprint: text, public_key: text, version: whole })),
      "each with the release that announces it",
    ),
    last: told(whole, "a version"),
    releases: told(whole, "how many"),
    state_changes: whole,
  }),
  "`git heroku releases:verify --json` prints the same of a clone, and `ref`; of a ledger that does not descend from what the clone has seen also `rewritten {app, accepted, seen, common, seen_after, seen_after_total, found_after, found_after_total, evidence}`.",
);

const candidate = { description: text, version: whole };
const asked = {
  app: object({ id: uuid, name: text }),
  bad: whole,
  command: text,
  good: whole,
  timeout: told({ type: "number" }, "in seconds"),
  trust: truth,
};

export const bisection = told(
  object({
    ...asked,
    before: told(orNull(whole), "when `found` or `undecided`: the version before it that can run"),
    first_bad: told(orNull(release), "when `found`"),
    next: told(
      orNull(
        object({
          ...candidate,
          expected: told(orNull(oneOf("good", "bad")), "for an end"),
          left: told(orNull(whole), "how many releases may be open after this probe; null for an end"),
          steps: told(orNull(whole), "how many probes they take; null for an end"),
        }),
      ),
      "when `running`",
    ),
    refuted: told(orNull(object({ ...candidate, expected: oneOf("good", "bad"), verdict })), "when `refuted`"),
    status: told(
      oneOf("running", "found", "undecided", "refuted"),
      "`undecided`: only skipped releases are left; `refuted`: an end is not what it was called",
    ),
    suspects: told(list(object(candidate)), "when `undecided`"),
    verdicts: told(list(object({ ...candidate, reason: text, verdict })), "in the order in which they were reached"),
  }),
  "What does not apply is null, or an empty list.",
);

export const bisectionPlan = object({
  ...asked,
  copies: told(whole, "exact copies of another"),
  left_out: told(whole, "failed ones, and those without code"),
  probes_max: whole,
  releases: told(list(object(candidate)), "oldest first"),
});

export const limits = object({
  memory: told(orNull(text), "`512MB`; 1 MB is 1024 × 1024 bytes. Null: no limit, as of the others"),
  open_files: orNull(text),
  processes: orNull(text),
  type: text,
});

export const wait = object({
  dynos: told(list(dyno), "those that were waited for"),
  status: told(
    oneOf("up", "crashed", "timeout"),
    "`crashed`: at once when one has; a process that is `idle` counts as up",
  ),
  version: told(whole, "of the newest release"),
});

/** What the slug store holds. */
export const storedSlug = object({
  buildpack_provided_description: told(text, "the kind of app"),
  checksum: told(orNull(text), "`SHA256:` and the sum"),
  created_at: time,
  id: told(text, "`TREE-BUILDER`, see [slugs](formats.md#slugs)"),
  intact: told(orNull(truth), "ours: whether all is as it was built; null when nobody asked"),
  locked: told(truth, "ours: another build would be the same"),
  own_size: told(whole, "ours: bytes on the disk that no older slug has as well"),
  releases: told(list(whole), "ours: versions that run on it, newest first"),
  running: told(truth, "ours"),
  size: told(whole, "in bytes"),
});

export const disk = object({ cache: whole, logs: whole, repository: whole, run: whole, slugs: whole });

export const router = object({ pid: whole, port: whole, started_at: time, version: text });

export const platform = object({
  api_url: orNull(text),
  certificate: told(text, "the file that clients of [rendezvous](#one-off-processes) trust"),
  apps: told(whole, "how many"),
  home: text,
  pid: whole,
  processes: told(whole, "how many"),
  router,
  router_url: text,
  rss_bytes: whole,
  started_at: time,
  version: text,
});

export const doctorLine = object(
  { level: oneOf("ok", "warning", "error"), message: text, name: text, ok: told(truth, "false for an error alone") },
  { hint: text },
);

export const rendezvous = object({ certificate: told(text, "PEM") });

export const health = object({ status: oneOf("ok") });
