/** `git heroku logout` */
import { findCredential, forgetCredential } from "../../clone/credential.ts";
import { AppError } from "../../core/error.ts";
import { parseServer } from "../../core/platform-address.ts";
import type { Command } from "../command.ts";
import { clientOf, urlOf } from "./login.ts";

export const logout: Command = {
  name: "logout",
  topic: "Access",
  summary: "Revoke and forget the token for a platform elsewhere",
  parameters: "[url]",
  options: [
    { name: "remote", short: "r", value: "NAME", completes: "remotes", summary: "the git remote that leads there" },
  ],
  examples: [{ command: "git heroku logout", summary: "of the platform that this clone's remote leads to" }],
  async run({ args, out, platform, world }) {
    const url = args.words[0] === undefined ? urlOf(platform) : urlOf(parseServer(args.words[0]));
    const known = findCredential(world, url);
    if (known === undefined) return out.line(`Not logged in to ${url}`);
    await clientOf(url, known.token)
      .access.revokeOwn(known.token)
      .catch((error: unknown) => {
        // One that is good for nothing any more need not be revoked.
        if (!(error instanceof AppError) || error.id !== "unauthorized") throw error;
      });
    forgetCredential(world, url, known);
    return out.line(`Logged out of ${url}`);
  },
};
