/** `git heroku buildpacks:remove` */
import { AppError } from "../../core/error.ts";
import { BUILT_IN_BUILDPACKS } from "../../core/buildpack.ts";
import { indexOption, INDEX_OPTION, namedBuildpack, namesOf, useBuildpacks } from "../buildpack-words.ts";
import { APP_OPTIONS, JSON_OPTION, type Command, type Context } from "../command.ts";

export const buildpacksRemove: Command = {
  name: "buildpacks:remove",
  topic: "Builds",
  summary: "Build the app without one of its buildpacks",
  parameters: "[buildpack]",
  completes: BUILT_IN_BUILDPACKS,
  options: [INDEX_OPTION, ...APP_OPTIONS, JSON_OPTION],
  examples: [
    { command: "git heroku buildpacks:remove python", summary: "by its name" },
    { command: "git heroku buildpacks:remove --index 2", summary: "by its place" },
  ],
  async run(context) {
    const [index, name] = [indexOption(context), namedBuildpack(context)];
    if ((index === undefined) === (name === undefined)) {
      throw new AppError("usage", "Please choose either index or Buildpack, but not both.");
    }
    const names = namesOf(await context.client.buildpacks(context.app()));
    names.splice(placeOf(context, names, index ?? name ?? 0), 1);
    return useBuildpacks(context, names, "removed");
  },
};

function placeOf(context: Context, names: readonly string[], wanted: number | string): number {
  if (names.length === 0) {
    throw new AppError(
      "invalid_params",
      `No buildpacks were found. Next release on ${context.app()} will detect buildpack normally.`,
    );
  }
  if (typeof wanted === "number") {
    if (wanted < names.length) return wanted;
    const range =
      names.length === 1 ? "Only valid value is 1" : `Please choose a value between 1 and ${String(names.length)}`;
    throw new AppError("invalid_params", `Invalid index. ${range}.`);
  }
  const found = names.findIndex((name) => name === wanted || `heroku/${name}` === wanted);
  if (found !== -1) return found;
  throw new AppError("not_found", "Buildpack not found. Nothing was removed.", {
    hint: "`git heroku buildpacks` lists them.",
  });
}
