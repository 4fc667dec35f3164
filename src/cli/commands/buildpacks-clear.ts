/** `git heroku buildpacks:clear` */
import { useBuildpacks } from "../buildpack-words.ts";
import { APP_OPTIONS, JSON_OPTION, type Command } from "../command.ts";

export const buildpacksClear: Command = {
  name: "buildpacks:clear",
  topic: "Builds",
  summary: "Leave the choice to the code and the platform",
  options: [...APP_OPTIONS, JSON_OPTION],
  examples: [{ command: "git heroku buildpacks:clear", summary: "counts from the next push on" }],
  run: (context) => useBuildpacks(context, [], "cleared"),
};
