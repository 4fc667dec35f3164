/** `git heroku releases:output` */
import { formatVersion, parseVersion } from "../../core/release.ts";
import { APP_OPTIONS, JSON_OPTION, type Command } from "../command.ts";
import { printOutput } from "../print-output.ts";

export const releasesOutput: Command = {
  name: "releases:output",
  topic: "Releases",
  summary: "Show what a release's build and command printed",
  details: "While the release command runs, its output is followed to the end. It is kept for the newest releases.",
  parameters: "[version]",
  options: [...APP_OPTIONS, JSON_OPTION],
  examples: [
    { command: "git heroku releases:output", summary: "of the newest release" },
    { command: "git heroku releases:output v74", summary: "of a certain one" },
  ],
  async run(context) {
    const { client, args } = context;
    const version = args.words[0] === undefined ? "newest" : parseVersion(args.words[0]);
    const stream = await client.releaseOutput(context.app(), version);
    const about = version === "newest" ? {} : { release: formatVersion(version) };
    await printOutput(context, stream, about);
    return undefined;
  },
};
