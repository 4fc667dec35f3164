/** Who is asking, on this machine: the same person that a push from this clone names (DESIGN "Who pushed"). */
import { hostname } from "node:os";
import { parsePerson, type Person } from "../core/person.ts";
import { runGit, type Place } from "./git.ts";

/** `$GIT_HEROKU_USER`, as in the remote's receivepack; else the author that git would write into a commit here; else
 *  the login at this machine. */
export function findIdentity(place: Place): Person {
  const chosen = parsePerson(place.env["GIT_HEROKU_USER"] ?? "");
  if (chosen !== undefined) return chosen;
  const ident = runGit(place, ["var", "GIT_AUTHOR_IDENT"]);
  const author = ident.status === 0 ? parsePerson(ident.stdout) : undefined;
  if (author !== undefined) return author;
  const login = place.env["USER"] ?? place.env["LOGNAME"] ?? "someone";
  return parsePerson(`${login} <${login}@${hostname()}>`) ?? { name: "someone", email: "someone@localhost" };
}
