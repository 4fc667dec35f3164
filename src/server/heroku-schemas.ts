/** The objects that are Heroku's, with all fields of its Platform API v3, and ours beside them (docs/api.md). */
import {
  emptyList,
  list,
  map,
  named,
  nothing,
  object,
  oid,
  oneOf,
  orNull,
  text,
  time,
  times,
  told,
  truth,
  uuid,
  whole,
} from "./schema-words.ts";

const person = object({ email: text, id: uuid });
const versioned = object({ id: uuid, version: whole });

export const app = object({
  acm: truth,
  archived_at: nothing,
  build_stack: named,
  buildpack_provided_description: nothing,
  create_status: oneOf("complete"),
  generation: named,
  git_url: told(text, "path of the repository"),
  id: uuid,
  internal_routing: nothing,
  maintenance: truth,
  name: { type: "string", pattern: "^[a-z][a-z0-9-]{1,28}[a-z0-9]$" },
  organization: nothing,
  owner: person,
  region: named,
  released_at: told(orNull(time), "null before the first deploy"),
  repo_size: nothing,
  slug_size: orNull(whole),
  space: nothing,
  stack: named,
  team: nothing,
  web_url: text,
  ...times,
});

const extendedDyno = object({
  host: told(text, "the machine's name"),
  listed: told(truth, "false for what finishes, or serves on, under a name that another has now"),
  memory: told(
    orNull(whole),
    "in bytes, of the process and all that it has started, what they share with other programs not counted; null where the machine does not tell",
  ),
  pid: orNull(whole),
  port: orNull(whole),
  release: whole,
  restarts: whole,
  serving: told(truth, "whether visitors are led to it"),
});

export const dyno = object(
  {
    app: named,
    attach_url: told(orNull(text), "null, but in the answer to an [attached](#one-off-processes) one"),
    command: text,
    id: told(uuid, "a new one after each restart"),
    name: told(text, "`web.1`"),
    release: versioned,
    size: told(text, "`Basic`"),
    state: told(text, "`starting`, `up`, `idle`, `crashed`, `down`"),
    type: text,
    created_at: told(time, "since when it is in that state"),
    updated_at: told(time, "the same"),
  },
  { extended: told(extendedDyno, "with `?extended=true`") },
);

export const formation = object({
  app: named,
  command: text,
  dyno_size: named,
  id: uuid,
  quantity: told(whole, "0 for `release`, which is listed and cannot be scaled"),
  size: told(text, "`Basic`: of sizes there is one"),
  type: { type: "string", pattern: "^[\\w-]{1,128}$" },
  ...times,
});

export const mark = object({ at: time, by: told(text, "who says that it is bad"), reason: text, version: whole });

export const release = object(
  {
    addon_plan_names: told(list(text), "empty"),
    app: named,
    artifacts: emptyList(),
    change: told(
      oneOf("initial", "deploy", "rollback", "config", "addon", "revert", "promotion"),
      "ours: one of the [trailers](formats.md#message)",
    ),
    commit: told(orNull(oid), "ours: the code commit; null before the first deploy"),
    current: truth,
    description: text,
    eligible_for_rollback: truth,
    id: uuid,
    oid: told(orNull(oid), "ours: the release commit; null while the release is `pending`"),
    output_stream_url: told(
      orNull(text),
      "where its [output](#live-answers) is read without a token, for an hour at least",
    ),
    slug: told(orNull(object({ id: uuid })), "null before the first deploy"),
    status: told(oneOf("succeeded", "failed", "pending"), "`pending`: its release command runs"),
    user: person,
    version: whole,
    via: told(text, "ours: one of the [trailers](formats.md#message)"),
    ...times,
  },
  {
    extended: told(
      object({ slug_id: told(orNull(oid), "the code commit"), slug_uuid: told(orNull(uuid), "the slug's id") }),
      "in a listing with `?extended=true`",
    ),
    mark: orNull(mark),
  },
);

export const build = object({
  app: object({ id: uuid }),
  buildpacks: nothing,
  commit: told(orNull(oid), "ours"),
  detected: told(orNull(text), "ours: the kind of app"),
  ended_at: told(orNull(time), "ours"),
  generation: named,
  id: uuid,
  output_stream_url: told(text, "as of a [release](#release)"),
  reason: told(orNull(text), "ours: why it failed"),
  release: told(orNull(versioned), "null when none came of it"),
  slug: orNull(object({ id: uuid })),
  source_blob: object({
    checksum: told(orNull(text), "the uploader's"),
    url: told(text, "the repository"),
    version: told(orNull(text), "what the uploader called it, else the commit"),
    version_description: told(orNull(text), "the uploader's"),
  }),
  stack: told(text, "`host`"),
  status: oneOf("pending", "succeeded", "failed"),
  user: person,
  ...times,
});

export const slug = object({
  blob: object({
    method: oneOf("get"),
    url: told(orNull(text), "the directory, as a `file:` URL; null when it is not on the disk"),
  }),
  buildpack_provided_description: told(orNull(text), "the kind of app"),
  checksum: nothing,
  commit: oid,
  commit_description: told(text, "the commit's subject"),
  deleted_at: nothing,
  id: told(uuid, "made of the commit's"),
  process_types: told(map(text), "type → command"),
  size: told(orNull(whole), "in bytes"),
  stack: named,
  ...times,
});

export const appSetup = told(
  object({
    app: named,
    build: orNull(object({ id: uuid, output_stream_url: text, status: oneOf("pending", "succeeded", "failed") })),
    failure_message: orNull(text),
    id: told(uuid, "that of the app, whose name finds it too"),
    manifest_errors: emptyList(),
    postdeploy: told(nothing, "its output is in the log"),
    resolved_success_url: nothing,
    status: told(oneOf("pending", "succeeded", "failed"), "of the first build"),
    ...times,
  }),
  "The app that is made of an archive, and its first build.",
);

export const source = object({
  source_blob: object({
    get_url: told(text, "the `url` of a build's `source_blob`"),
    put_url: told(text, "where the archive is sent to, by `PUT`, within an hour and without a token"),
  }),
});

export const logSession = object({
  id: uuid,
  logplex_url: told(
    text,
    "good for 5 minutes, and for 5 after a connection to it broke off, at most for a day; then 404",
  ),
  ...times,
});

export const drain = object(
  {
    addon: nothing,
    app: named,
    id: uuid,
    token: told(text, "`d.` and a UUID"),
    url: told(text, "masked: `https://****:****@example.com/in?key=****`"),
    ...times,
  },
  {
    extended: told(
      object({
        behind_seconds: told(whole, "age of the oldest line that is under way"),
        delivered: told(whole, "how many messages"),
        dropped: told(whole, "how many messages"),
        error: told(orNull(text), "null while all is well, as the next two"),
        retry_at: orNull(time),
        since: orNull(time),
        state: told(oneOf("delivering", "failing", "refused"), "`refused`: the receiver answers 4xx"),
      }),
      "with `?extended=true`",
    ),
  },
);

export const domain = told(
  object({
    acm_status: nothing,
    acm_status_reason: nothing,
    app: named,
    cname: told(orNull(text), "what its DNS record may name; null for the own one"),
    hostname: told(text, "ASCII, lower case"),
    id: uuid,
    kind: told(oneOf("heroku", "custom"), "`heroku`: the platform's own name of the app, which cannot be removed"),
    sni_endpoint: nothing,
    status: oneOf("none"),
    ...times,
  }),
  "A name of another app is refused with 422; one that is there already stays.",
);

export const collaborator = object({
  app: named,
  id: uuid,
  permissions: list(object({ name: oneOf("deploy", "manage", "operate", "view") })),
  role: oneOf("owner", "collaborator"),
  user: object({ email: text, federated: truth, id: uuid }),
  ...times,
});

export const feature = object({
  description: text,
  display_name: text,
  doc_url: told(text, "empty"),
  enabled: truth,
  feedback_email: told(text, "empty"),
  id: uuid,
  name: told(text, "of a [setting](#apps) that is `on` or `off`"),
  state: oneOf("general"),
  created_at: told(time, "the app's first moment"),
  updated_at: told(time, "the same"),
});

export const buildpack = object({
  buildpack: told(
    object({ name: text, url: text }),
    "both are what the platform calls it: a short name for its own (`nodejs`), else the address as it was given",
  ),
  ordinal: told(whole, "from 0"),
});
