/** The token for a platform elsewhere, which git's own credential helper keeps (gitcredentials(7)): the same that a fetch or a
 *  push shows. Nobody is asked for one here. */
import { runGit, type Place } from "./git.ts";

export interface Credential {
  username: string;
  token: string;
}

/** Neither git nor what it starts may ask anybody. */
const SILENT = { GIT_TERMINAL_PROMPT: "0", GIT_ASKPASS: "", SSH_ASKPASS: "", GCM_INTERACTIVE: "never" };

/** What the requests to a platform elsewhere are to show: `$GIT_HEROKU_TOKEN`, else what a helper knows. */
export function tokenFor(place: Place, url: string): string | undefined {
  const given = place.env["GIT_HEROKU_TOKEN"] ?? "";
  return given === "" ? findCredential(place, url)?.token : given;
}

/** Undefined when no helper knows one. */
export function findCredential(place: Place, url: string): Credential | undefined {
  const { status, stdout } = credential(place, "fill", describe(url));
  const known = new Map(
    stdout.split("\n").map((line) => [line.split("=")[0] ?? "", line.slice(line.indexOf("=") + 1)]),
  );
  const token = known.get("password");
  return status !== 0 || token === undefined ? undefined : { username: known.get("username") ?? "", token };
}

/** @returns whether a helper has kept it */
export function keepCredential(place: Place, url: string, { username, token }: Credential): boolean {
  credential(place, "approve", [...describe(url), `username=${username}`, `password=${token}`]);
  return findCredential(place, url)?.token === token;
}

export function forgetCredential(place: Place, url: string, { username, token }: Credential): void {
  credential(place, "reject", [...describe(url), `username=${username}`, `password=${token}`]);
}

function describe(url: string): string[] {
  const { protocol, host } = new URL(url);
  return [`protocol=${protocol.slice(0, -1)}`, `host=${host}`];
}

function credential(place: Place, verb: "fill" | "approve" | "reject", lines: string[]): ReturnType<typeof runGit> {
  const env = { ...place.env, ...SILENT };
  return runGit({ ...place, env }, ["credential", verb], `${lines.join("\n")}\n\n`);
}
