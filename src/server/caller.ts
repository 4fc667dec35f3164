/** Who is calling. The unix socket is private to the daemon's own user, so what its client says is believed:
 *  the identity that git would use for a commit in that clone. By every other door it is the owner of the token or key,
 *  whatever is said. */
import { hostname, userInfo } from "node:os";
import type { FastifyRequest } from "fastify";
import { parsePerson, type Person } from "../core/person.ts";
import type { Actor } from "../platform/actor.ts";
import type { Visitor } from "../platform/visitor.ts";

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

/** The platform's own user. */
export function socketVisitor(request: FastifyRequest): Visitor {
  return {
    isAdmin: true,
    credential: undefined,
    onRevoked: undefined,
    // To ask the system who its user is takes longer than most answers, which are no changes.
    get actor() {
      return localActor(userOf(request));
    },
  };
}

/** A header carries bytes, which Node calls latin1; the client sends the name as UTF-8. */
function userOf({ headers }: FastifyRequest): string | undefined {
  const header = headers[USER_HEADER];
  return typeof header === "string" ? Buffer.from(header, "latin1").toString("utf8") : undefined;
}

/** @throws Error on a route that asks for nobody's name: a bug */
export function visitorOf({ visitor }: FastifyRequest): Visitor {
  if (visitor === null) throw new Error("This route does not know who asks.");
  return visitor;
}

export function callerOf(request: FastifyRequest): Actor {
  const { actor } = visitorOf(request);
  return request.pass === null ? actor : { ...actor, pass: request.pass };
}
