/** `git heroku config:export` */
import { formatDotenv, scanDotenv } from "../../core/dotenv-text.ts";
import { parseVersion } from "../../core/release.ts";
import { APP_OPTIONS, JSON_OPTION, type Command } from "../command.ts";

export const configExport: Command = {
  name: "config:export",
  topic: "Config",
  summary: "Print the config vars as a .env file",
  details:
    "dotenv reads back exactly the values there are, and so does config:import. What a shell is to read comes from `config --shell`.",
  options: [
    ...APP_OPTIONS,
    { name: "release", value: "VERSION", summary: "of an earlier release, such as v70" },
    JSON_OPTION,
  ],
  examples: [
    { command: "git heroku config:export > .env", summary: "for local use, or a copy" },
    { command: "git heroku config:export --release v70", summary: "as they were" },
  ],
  async run(context) {
    const { client, out, args } = context;
    const release = args.value("release");
    const version = release === undefined ? undefined : parseVersion(release);
    const app = context.app();
    const vars = await (version === undefined ? client.config(app) : client.releaseConfig(app, version));
    if (args.has("json")) return out.json(vars);
    const text = formatDotenv(vars);
    const unread = scanDotenv(text).filter(({ isBase64 }) => isBase64);
    if (unread.length > 0) {
      out.warn(`In base64, because dotenv has no form for the value: ${unread.map(({ name }) => name).join(", ")}.`);
      out.warn("config:import reads it back; other programs must decode it.");
    }
    return out.data(text);
  },
};
