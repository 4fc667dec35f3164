/** /account and what else is not about one app: who is asking, and what they may use here. The lists of what this platform
 *  has not are empty, so that Heroku's client can say so itself. */
import type { FastifyInstance } from "fastify";
import { AppError } from "../core/error.ts";
import type { Person } from "../core/person.ts";
import { visibleApps } from "../platform/access.ts";
import type { Platform } from "../platform/platform.ts";
import { callerOf, visitorOf } from "./caller.ts";
import { appResource, idOf, iso, type Resource } from "./resources.ts";

export function accountRoutes(server: FastifyInstance, platform: Platform): void {
  // Also what Heroku's client asks its billing service, which it is told to find here.
  for (const path of ["/account", "/users/~"]) {
    server.get(path, { schema: { summary: "Who asks" } }, async (request) =>
      accountResource(callerOf(request).by, await platform.home.madeAt()),
    );
  }
  server.get(
    "/account/rate-limits",
    { config: { free: true }, schema: { summary: "How many calls the token may make now; costs none" } },
    (request) => ({
      remaining: server.calls.left(request),
    }),
  );
  server.get("/users/~/apps", { schema: { summary: "As `/apps`" } }, async (request) => {
    const apps = await visibleApps(platform, visitorOf(request));
    return Promise.all(apps.map((app) => appResource(platform, app, request)));
  });
  server.get("/regions", { schema: { summary: "The one region, `local`" } }, async () => [
    regionResource(await platform.home.madeAt()),
  ]);
  server.get("/stacks", { schema: { summary: "The one stack, `host`" } }, async () => [
    stackResource(await platform.home.madeAt()),
  ]);
  for (const path of ["/account/features", "/teams"])
    server.get(path, { schema: { summary: "There are none" } }, () => []);
  server.get("/account/features/:name", { schema: { summary: "Always 404" } }, () => {
    throw new AppError("not_found", "Couldn't find that feature.", { resource: "feature" });
  });
}

/** This machine. */
function regionResource(since: number): Resource {
  return {
    country: "Local",
    created_at: iso(since),
    description: "This machine",
    id: idOf("region", "local"),
    locale: "Local",
    name: "local",
    private_capable: false,
    provider: { name: "local", region: "local" },
    updated_at: iso(since),
  };
}

function stackResource(since: number): Resource {
  return {
    created_at: iso(since),
    default: true,
    id: idOf("stack", "host"),
    name: "host",
    state: "public",
    updated_at: iso(since),
  };
}

function accountResource({ name, email }: Person, since: number): Resource {
  return {
    allow_tracking: false,
    beta: false,
    country_of_residence: null,
    created_at: iso(since),
    default_organization: null,
    default_team: null,
    delinquent_at: null,
    email,
    federated: false,
    id: idOf("person", email),
    identity_provider: null,
    last_login: null,
    name,
    sms_number: null,
    suspended_at: null,
    two_factor_authentication: false,
    updated_at: iso(since),
    verified: true,
  };
}
