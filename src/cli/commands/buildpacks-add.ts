/** `git heroku buildpacks:add` */
import { BUILT_IN_BUILDPACKS } from "../../core/buildpack.ts";
import { indexOption, INDEX_OPTION, namedBuildpack, namesOf, useBuildpacks } from "../buildpack-words.ts";
import { APP_OPTIONS, JSON_OPTION, type Command } from "../command.ts";

export const buildpacksAdd: Command = {
  name: "buildpacks:add",
  topic: "Builds",
  summary: "Build the app with one buildpack more",
  details:
    "They run in their order, each with what those before it export; the last one says which processes there are by default. It goes to the end of the list, or to the place that --index names.",
  parameters: "<buildpack>",
  completes: BUILT_IN_BUILDPACKS,
  options: [INDEX_OPTION, ...APP_OPTIONS, JSON_OPTION],
  examples: [{ command: "git heroku buildpacks:add --index 1 nodejs", summary: "assets first" }],
  async run(context) {
    const names = namesOf(await context.client.buildpacks(context.app()));
    const index = Math.min(indexOption(context) ?? names.length, names.length);
    names.splice(index, 0, namedBuildpack(context) ?? "");
    return useBuildpacks(context, names, "added");
  },
};
