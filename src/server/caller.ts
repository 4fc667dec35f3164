/** Who is calling. The unix socket is private to the daemon's own user, so what its client says is believed:
 *  the identity that git would use for a commit in that clone. Over TCP it is the owner of the token, whatever is said. */
import { hostname, userInfo } from "node:os";
import type { FastifyRequest } from "fastify";
import { parsePerson, type Person } from "../core/person.ts";
import type { Actor } from "../platform/actor.ts";

export const USER_HEADER = "git-heroku-user";

export function localActor(user: string | undefined): Actor {
  return { by: parsePerson(user ?? "") ?? loginPerson(), via: "local" };
}

function loginPerson(): Person {
  const login = loginName();
  return { name: login, email: `${login}@${hostname()}` };
}

function loginName(): string {
  try {
    return userInfo().username;
  } catch {
    // A user without an entry in passwd, as containers have them.
    return `user-${String(process.getuid?.() ?? 0)}`;
  }
}

/** A header carries bytes, which Node calls latin1; the client sends the name as UTF-8. */
export function callerOf(request: FastifyRequest): Actor {
  if (request.token !== null) return { by: request.token.about.owner, via: "api" };
  const header = request.headers[USER_HEADER];
  return localActor(typeof header === "string" ? Buffer.from(header, "latin1").toString("utf8") : undefined);
}
