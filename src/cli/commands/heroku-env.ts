/** `git heroku heroku-env` */
import { hostname } from "node:os";
import { parseLifetime } from "../../core/access-token.ts";
import { formatExports, formatUnsets, herokuVariables } from "../../core/heroku-env.ts";
import { APP_OPTIONS, type Command, type Context } from "../command.ts";
import { appIfAny, SHELL_OPTION, shellOf } from "../heroku-words.ts";

const LIFETIME_USUAL = "30d";

export const herokuEnv: Command = {
  name: "heroku-env",
  topic: "Access",
  summary: "Print what points Heroku's own command line at this platform",
  details:
    "Lines for a shell to evaluate. They set the address and a token, keep the token from being sent to heroku.com, switch off telemetry and updates, and name the app when there is one. A new token is made, unless one is given, for 30 days. docs/heroku-cli.md tells what to expect of Heroku's client here.",
  options: [
    ...APP_OPTIONS,
    { name: "token", value: "TOKEN", summary: "use this one" },
    { name: "expires", value: "TIME", summary: "how long the new token lives: 12h, 30d, 1y" },
    SHELL_OPTION,
    { name: "unset", summary: "print what takes it back" },
  ],
  examples: [
    { command: 'eval "$(git heroku heroku-env)"', summary: "then: heroku releases" },
    { command: "git heroku heroku-env --shell fish | source", summary: "in fish" },
    { command: 'eval "$(git heroku heroku-env --unset)"', summary: "back to heroku.com" },
  ],
  async run(context) {
    const { args, client, out, world } = context;
    const shell = shellOf(context, herokuEnv);
    if (args.has("unset")) return out.write(formatUnsets(shell));
    const app = appIfAny(context);
    const { api_url: apiUrl, certificate: file } = await client.platform();
    // Node reads one file of these: whoever has set one needs it for other things.
    const { NODE_EXTRA_CA_CERTS: trusted = "" } = world.env;
    const certificate = trusted === "" ? file : undefined;
    const token = args.value("token") ?? (await newToken(context));
    const noProxy = world.env["NO_PROXY"] ?? world.env["no_proxy"] ?? "";
    return out.write(formatExports(herokuVariables({ apiUrl, token, app, certificate, noProxy }), shell));
  },
};

async function newToken({ args, client }: Context): Promise<string> {
  const made = await client.access.createToken({
    description: `heroku-env on ${hostname()}`,
    expires_in: parseLifetime(args.value("expires") ?? LIFETIME_USUAL) / 1000,
  });
  return made.access_token?.token ?? "";
}
