/** `git heroku buildpacks:set` */
import { BUILT_IN_BUILDPACKS } from "../../core/buildpack.ts";
import { indexOption, INDEX_OPTION, namedBuildpack, namesOf, useBuildpacks } from "../buildpack-words.ts";
import { APP_OPTIONS, JSON_OPTION, type Command } from "../command.ts";

export const buildpacksSet: Command = {
  name: "buildpacks:set",
  topic: "Builds",
  summary: "Build the app with another buildpack",
  details:
    "A buildpack is the URL of a git repository, with #ref for a branch, tag or commit; a tarball (.tgz), by URL or path; a directory on the platform's machine; or one of the platform's own: nodejs, python, ruby, go, static, procfile. It takes the place of the first one, or of the one that --index names. Counts from the next push on.",
  parameters: "<buildpack>",
  completes: BUILT_IN_BUILDPACKS,
  options: [INDEX_OPTION, ...APP_OPTIONS, JSON_OPTION],
  examples: [
    { command: "git heroku buildpacks:set python", summary: "one of the platform's own" },
    {
      command: "git heroku buildpacks:set 'https://github.com/heroku/heroku-buildpack-php#v255'",
      summary: "a git repository at a tag",
    },
  ],
  async run(context) {
    const names = namesOf(await context.client.buildpacks(context.app()));
    const index = Math.min(indexOption(context) ?? 0, names.length);
    names.splice(index, 1, namedBuildpack(context) ?? "");
    return useBuildpacks(context, names, "set");
  },
};
