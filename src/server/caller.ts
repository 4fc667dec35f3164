/** Who is calling. The unix socket is private to the daemon's own user, so what its client says is believed:
 *  the identity that git would use for a commit in that clone. */
import { hostname, userInfo } from "node:os";
import type { FastifyRequest } from "fastify";
import { parsePerson } from "../core/person.ts";
import type { Actor } from "../platform/actor.ts";

export const USER_HEADER = "git-heroku-user";

export function localActor(user: string | undefined): Actor {
  const login = userInfo().username;
  const by = parsePerson(user ?? "") ?? { name: login, email: `${login}@${hostname()}` };
  return { by, via: "local" };
}

/** A header carries bytes, which Node calls latin1; the client sends the name as UTF-8. */
export function callerOf(request: FastifyRequest): Actor {
  const header = request.headers[USER_HEADER];
  return localActor(typeof header === "string" ? Buffer.from(header, "latin1").toString("utf8") : undefined);
}
