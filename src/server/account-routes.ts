/** /account and what else is not about one app: who is asking, and what they may use here. The lists of what this platform
 *  has not are empty, so that Heroku's client can say so itself. */
import type { FastifyInstance } from "fastify";
import type { Person } from "../core/person.ts";
import type { Platform } from "../platform/platform.ts";
import { callerOf } from "./caller.ts";
import { idOf, iso, type Resource } from "./resources.ts";

export function accountRoutes(server: FastifyInstance, platform: Platform): void {
  // Also what Heroku's client asks its billing service, which it is told to find here.
  server.get("/account", async (request) => accountResource(callerOf(request).by, await platform.home.madeAt()));
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
