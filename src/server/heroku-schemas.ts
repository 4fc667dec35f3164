/** The objects that are Heroku's, with all fields of its Platform API v3, and ours beside them (docs/api.md, "Objects"). */
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
  git_url: text,
  id: uuid,
  internal_routing: nothing,
  maintenance: truth,
  name: { type: "string", pattern: "^[a-z][a-z0-9-]{1,28}[a-z0-9]$" },
  organization: nothing,
  owner: person,
  region: named,
  released_at: orNull(time),
  repo_size: nothing,
  slug_size: orNull(whole),
  space: nothing,
  stack: named,
  team: nothing,
  web_url: text,
  ...times,
});

const extendedDyno = object({
  host: text,
  listed: truth,
  memory: orNull(whole),
  pid: orNull(whole),
  port: orNull(whole),
  release: whole,
  restarts: whole,
  serving: truth,
});

export const dyno = object(
  {
    app: named,
    attach_url: orNull(text),
    command: text,
    id: uuid,
    name: text,
    release: versioned,
    size: text,
    state: text,
    type: text,
    ...times,
  },
  { extended: extendedDyno },
);

export const formation = object({
  app: named,
  command: text,
  dyno_size: named,
  id: uuid,
  quantity: whole,
  size: text,
  type: { type: "string", pattern: "^[\\w-]{1,128}$" },
  ...times,
});

export const mark = object({ at: time, by: text, reason: text, version: whole });

export const release = object(
  {
    addon_plan_names: list(text),
    app: named,
    artifacts: emptyList(),
    change: oneOf("initial", "deploy", "rollback", "config", "addon", "revert", "promotion"),
    commit: orNull(oid),
    current: truth,
    description: text,
    eligible_for_rollback: truth,
    id: uuid,
    oid: orNull(oid),
    output_stream_url: orNull(text),
    slug: orNull(object({ id: uuid })),
    status: oneOf("succeeded", "failed", "pending"),
    user: person,
    version: whole,
    via: text,
    ...times,
  },
  { extended: object({ slug_id: orNull(oid), slug_uuid: orNull(uuid) }), mark: orNull(mark) },
);

export const build = object({
  app: object({ id: uuid }),
  buildpacks: nothing,
  commit: orNull(oid),
  detected: orNull(text),
  ended_at: orNull(time),
  generation: named,
  id: uuid,
  output_stream_url: text,
  reason: orNull(text),
  release: orNull(versioned),
  slug: orNull(object({ id: uuid })),
  source_blob: object({
    checksum: orNull(text),
    url: text,
    version: orNull(text),
    version_description: orNull(text),
  }),
  stack: text,
  status: oneOf("pending", "succeeded", "failed"),
  user: person,
  ...times,
});

export const slug = object({
  blob: object({ method: oneOf("get"), url: orNull(text) }),
  buildpack_provided_description: orNull(text),
  checksum: nothing,
  commit: oid,
  commit_description: text,
  deleted_at: nothing,
  id: uuid,
  process_types: map(text),
  size: orNull(whole),
  stack: named,
  ...times,
});

export const appSetup = object({
  app: named,
  build: orNull(object({ id: uuid, output_stream_url: text, status: oneOf("pending", "succeeded", "failed") })),
  failure_message: orNull(text),
  id: uuid,
  manifest_errors: emptyList(),
  postdeploy: nothing,
  resolved_success_url: nothing,
  status: oneOf("pending", "succeeded", "failed"),
  ...times,
});

export const source = object({ source_blob: object({ get_url: text, put_url: text }) });

export const logSession = object({ id: uuid, logplex_url: text, ...times });

export const drain = object(
  { addon: nothing, app: named, id: uuid, token: text, url: text, ...times },
  {
    extended: object({
      behind_seconds: whole,
      delivered: whole,
      dropped: whole,
      error: orNull(text),
      retry_at: orNull(time),
      since: orNull(time),
      state: oneOf("delivering", "failing", "refused"),
    }),
  },
);

export const domain = object({
  acm_status: nothing,
  acm_status_reason: nothing,
  app: named,
  cname: orNull(text),
  hostname: text,
  id: uuid,
  kind: oneOf("heroku", "custom"),
  sni_endpoint: nothing,
  status: oneOf("none"),
  ...times,
});

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
  doc_url: text,
  enabled: truth,
  feedback_email: text,
  id: uuid,
  name: text,
  state: oneOf("general"),
  ...times,
});

export const buildpack = object({ buildpack: object({ name: text, url: text }), ordinal: whole });

export const account = object({
  allow_tracking: truth,
  beta: truth,
  country_of_residence: nothing,
  default_organization: nothing,
  default_team: nothing,
  delinquent_at: nothing,
  email: text,
  federated: truth,
  id: uuid,
  identity_provider: nothing,
  last_login: nothing,
  name: text,
  sms_number: nothing,
  suspended_at: nothing,
  two_factor_authentication: truth,
  verified: truth,
  ...times,
});

export const key = object({
  comment: text,
  email: text,
  fingerprint: text,
  id: uuid,
  public_key: text,
  ...times,
});

export const region = object({
  country: text,
  description: text,
  id: uuid,
  locale: text,
  name: text,
  private_capable: truth,
  provider: object({ name: text, region: text }),
  ...times,
});

export const stack = object({ default: truth, id: uuid, name: text, state: text, ...times });

export const rateLimit = object({ remaining: whole });

export const authorization = object({
  admin: truth,
  access_token: orNull(object({ expires_in: orNull(whole), id: uuid, token: text })),
  client: nothing,
  description: text,
  expires_at: orNull(time),
  grant: nothing,
  id: uuid,
  refresh_token: nothing,
  scope: list(text),
  session: nothing,
  used_at: orNull(time),
  user: object({ email: text, full_name: text, id: uuid }),
  ...times,
});
