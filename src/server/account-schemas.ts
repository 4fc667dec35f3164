/** Heroku's objects that belong to no app, and ours beside them (docs/api.md, "Account"). */
import { list, nothing, object, orNull, text, time, times, told, truth, uuid, whole } from "./schema-words.ts";

export const account = told(
  object({
    allow_tracking: truth,
    beta: truth,
    country_of_residence: nothing,
    default_organization: nothing,
    default_team: nothing,
    delinquent_at: nothing,
    email: told(text, "whose it is"),
    federated: truth,
    id: told(uuid, "made of the address"),
    identity_provider: nothing,
    last_login: nothing,
    name: text,
    sms_number: nothing,
    suspended_at: nothing,
    two_factor_authentication: truth,
    verified: truth,
    created_at: told(time, "when the platform was made"),
    updated_at: told(time, "the same"),
  }),
  "Heroku's fields; what is not told of here is the same for all.",
);

export const key = object({
  comment: text,
  email: told(text, "whose it is: who comes with it over SSH is that person, for what they may do"),
  fingerprint: told(text, "`SHA256:…`, as `ssh-keygen -l` has it"),
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

export const rateLimit = object({ remaining: told(whole, "calls that the token may make now") });

export const authorization = told(
  object({
    admin: told(truth, "ours: whether it may do everything"),
    access_token: told(
      orNull(object({ expires_in: told(orNull(whole), "in seconds"), id: uuid, token: text })),
      "in the answer to whoever made it or came with it, else null",
    ),
    client: nothing,
    description: text,
    expires_at: told(orNull(time), "ours"),
    grant: nothing,
    id: uuid,
    refresh_token: nothing,
    scope: told(list(text), 'always `["global"]`'),
    session: nothing,
    used_at: told(orNull(time), "ours: when somebody last came with it"),
    user: object({ email: text, full_name: text, id: uuid }),
    ...times,
  }),
  "Heroku's OAuth authorization: an access token.",
);
