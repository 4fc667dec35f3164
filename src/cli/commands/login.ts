/** `git heroku login` */
import { PlatformClient } from "../../api/platform-client.ts";
import { urlLine } from "../../api/url-line.ts";
import { keepCredential } from "../../clone/credential.ts";
import { AppError } from "../../core/error.ts";
import { isUrl, parsePlatformUrl } from "../../core/platform-address.ts";
import type { Command, Context } from "../command.ts";
import { askHidden } from "../passphrase.ts";
import { readLine } from "../read-line.ts";

export const login: Command = {
  name: "login",
  topic: "Access",
  summary: "Keep a token for a platform elsewhere",
  details:
    "Asks for the token, or reads it from standard input, tries it, and hands it to git's credential helper (gitcredentials(7)): git itself fetches and pushes with it, and git heroku asks the platform with it. Whoever runs the platform makes one with `git heroku tokens:create --for EMAIL`. Without an address the platform is the one that this clone's remote leads to.",
  parameters: "[url]",
  options: [
    { name: "interactive", short: "i", summary: "for Heroku's sake; no browser is opened" },
    { name: "remote", short: "r", value: "NAME", completes: "remotes", summary: "the git remote that leads there" },
  ],
  examples: [
    { command: "git heroku login https://heroku.foobazco.com", summary: "asks for the token" },
    { command: "git heroku login < token", summary: "the platform of this clone" },
  ],
  async run(context) {
    const { args, platform, out, world } = context;
    const url = args.words[0] === undefined ? urlOf(platform) : parsePlatformUrl(args.words[0]);
    const token = await readToken(context);
    const { email } = await clientOf(url, token).access.account();
    if (!keepCredential(world, url, { username: email, token })) throw noHelper();
    if (isPlain(url)) out.warn(`${url} is not encrypted: whoever is on the way can read the token.`);
    return out.line(`Logged in as ${email}`);
  },
};

/** Of a platform elsewhere, which knows by the token who asks. */
export function clientOf(url: string, token: string): PlatformClient {
  return new PlatformClient({
    home: url,
    line: () => urlLine(url, () => token),
    identity: () => ({ name: "", email: "" }),
  });
}

/** @throws AppError usage for the platform of this machine, which needs no token */
export function urlOf(platform: string): string {
  if (isUrl(platform)) return platform;
  throw new AppError("usage", "Which platform? This clone has no remote that leads to one elsewhere.", {
    hint: "Name it: git heroku login https://heroku.foobazco.com. The one of this machine needs no token.",
  });
}

async function readToken({ world, out }: Context): Promise<string> {
  const { stdin } = world;
  const [asked = ""] =
    stdin.isTTY === true ? await askHidden(stdin, ["Token: "], (text) => out.note(text)) : [await readLine(stdin)];
  const token = asked.trim();
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new AppError("invalid_params", "That is no token.", {
    hint: "`git heroku tokens:create` makes one, on the platform's machine.",
  });
}

function noHelper(): AppError {
  return new AppError("unavailable", "The token is good, but git has nothing that keeps it.", {
    hint: "Choose a credential helper, such as: git config --global credential.helper cache, or store, then log in again.",
  });
}

function isPlain(url: string): boolean {
  return url.startsWith("http:") && !/^http:\/\/(?:localhost|127\.|\[::1\])/.test(url);
}
