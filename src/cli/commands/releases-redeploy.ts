/** `git heroku releases:redeploy` */
import { formatVersion, parseVersion } from "../../core/release.ts";
import { APP_OPTIONS, JSON_OPTION, type Command } from "../command.ts";

export const releasesRedeploy: Command = {
  name: "releases:redeploy",
  topic: "Releases",
  summary: "Build the code again and release it",
  details:
    "What a push of the same code would do if git did not say that everything is up-to-date: the code that runs, or that of another release, is built with the buildpacks and config vars of now. What is the same as before is not built again.",
  parameters: "[version]",
  options: [...APP_OPTIONS, JSON_OPTION],
  examples: [
    { command: "git heroku releases:redeploy", summary: "after buildpacks:set" },
    { command: "git heroku releases:redeploy v73", summary: "the code of v73 with the config of now" },
  ],
  async run(context) {
    const { client, out, args } = context;
    const version = args.words[0] === undefined ? undefined : parseVersion(args.words[0]);
    const app = context.app();
    if (args.has("json")) return out.json(await client.redeploy(app, version));
    const what =
      version === undefined ? "-----> Redeploying" : `-----> Redeploying the code of ${formatVersion(version)}`;
    await out.action(what, (show) => client.redeploy(app, version, show), {
      done: (release) => `done, ${formatVersion(release.version)}`,
    });
    return undefined;
  },
};
