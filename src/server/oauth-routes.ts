/** /oauth: access tokens, as Heroku's client calls them: authorizations. Over TCP a caller sees and revokes their own, on
 *  the socket all. A token is in the answer to whoever made it, and to whoever came with it. */
import type { FastifyInstance, FastifyRequest } from "fastify";
import { checkLifetime, type AccessToken } from "../core/access-token.ts";
import { AppError } from "../core/error.ts";
import type { Platform } from "../platform/platform.ts";
import { outlive } from "./door.ts";
import { holderOf, isSeenBy } from "./holder.ts";
import { idOf, iso, type Resource } from "./resources.ts";

interface IdParams {
  id: string;
}

interface NewAuthorization {
  description?: string | null;
  expires_in?: number | null;
  scope?: string[];
  /** Whom it is for: an address, with or without a name. */
  user?: string | null;
}

const createBody = {
  type: ["object", "null"],
  examples: [{ description: "laptop", expires_in: 2_592_000 }],
  properties: {
    description: { type: ["string", "null"], maxLength: 1000 },
    expires_in: { type: ["integer", "null"], description: "in seconds; null: for ever" },
    scope: {
      type: "array",
      maxItems: 10,
      items: { type: "string", maxLength: 100 },
      description: "`global`: there is one",
    },
    user: {
      type: ["string", "null"],
      maxLength: 400,
      description: "whom it is for: from an admin anybody, whose token then is no admin's; from others only themselves",
    },
  },
} as const;

export function oauthRoutes(server: FastifyInstance, platform: Platform): void {
  server.get(
    "/oauth/authorizations",
    { schema: { summary: "Tokens: over TCP one's own, on the socket all" } },
    (request) =>
      platform.tokens
        .list()
        .filter(isSeenBy(request))
        .map((token) => tokenResource(platform, token, shownTo(request, token))),
  );

  server.post<{ Body: NewAuthorization | undefined }>(
    "/oauth/authorizations",
    { schema: { summary: "Makes a token, which is in the answer", body: createBody } },
    async (request, reply) => {
      const { description, expires_in: seconds, scope = ["global"], user } = request.body ?? {};
      if (scope.some((name) => name !== "global")) throw narrowScope();
      const { token, about } = await platform.tokens.create({
        ...holderOf(request, user ?? undefined),
        description: description ?? "",
        lifetimeMs: seconds === null || seconds === undefined ? undefined : lifetimeOf(seconds),
      });
      void reply.status(201);
      return tokenResource(platform, about, token);
    },
  );

  server.get<{ Params: IdParams }>(
    "/oauth/authorizations/:id",
    { schema: { summary: "One of them, by id or its beginning; `~` is 404" } },
    (request) => {
      const token = find(platform, request);
      return tokenResource(platform, token, shownTo(request, token));
    },
  );

  server.delete<{ Params: IdParams }>(
    "/oauth/authorizations/:id",
    { schema: { summary: "Revokes it, and answers it as it was" } },
    async (request) => {
      const { id } = find(platform, request);
      outlive(request);
      return tokenResource(platform, await platform.tokens.revoke(id), undefined);
    },
  );

  sessionRoutes(server);
}

/** There are none: a token is made, not logged in for. */
function sessionRoutes(server: FastifyInstance): void {
  server.get(
    "/oauth/sessions",
    { schema: { summary: "There are no sessions: a token is made, not logged in for" } },
    () => [],
  );
  server.get("/oauth/clients", { schema: { summary: "There are none" } }, () => []);
  server.delete("/oauth/sessions/:id", { schema: { summary: "Always 404, with `resource`" } }, () => {
    throw new AppError("not_found", "Couldn't find that session.", { resource: "session" });
  });
}

/** `~` is the API key that Heroku gives every account by itself, which nobody has here. */
function find(platform: Platform, request: FastifyRequest<{ Params: IdParams }>): AccessToken {
  const { id } = request.params;
  return platform.tokens.find(id, isSeenBy(request));
}

function shownTo({ token }: FastifyRequest, { id }: AccessToken): string | undefined {
  return token?.about.id === id ? token.text : undefined;
}

function lifetimeOf(seconds: number): number {
  return checkLifetime(seconds * 1000, `${String(seconds)} seconds`);
}

function narrowScope(): AppError {
  return new AppError("invalid_params", "A token of this platform is for everything: its scope is global.", {
    hint: 'Leave "scope" out, or give ["global"].',
  });
}

function tokenResource({ clock }: Platform, token: AccessToken, text: string | undefined): Resource {
  const { id, owner, isAdmin, description, createdAt, expiresAt, usedAt } = token;
  const secondsLeft = expiresAt === undefined ? null : Math.max(0, Math.floor((expiresAt - clock.now()) / 1000));
  return {
    access_token: text === undefined ? null : { expires_in: secondsLeft, id, token: text },
    client: null,
    created_at: iso(createdAt),
    description,
    grant: null,
    id,
    refresh_token: null,
    scope: ["global"],
    session: null,
    updated_at: iso(createdAt),
    user: { email: owner.email, full_name: owner.name, id: idOf("person", owner.email) },
    expires_at: expiresAt === undefined ? null : iso(expiresAt),
    admin: isAdmin,
    used_at: usedAt === undefined ? null : iso(usedAt),
  };
}
