/** What the commands about buildpacks have in common: which one is meant, and Heroku's words for what came of it. */
import { homedir } from "node:os";
import { resolve } from "node:path";
import type { BuildpackItem } from "../api/resources.ts";
import { AppError } from "../core/error.ts";
import type { Context, Option, World } from "./command.ts";

export const INDEX_OPTION: Option = {
  name: "index",
  short: "i",
  value: "NUMBER",
  summary: "the place in the list, from 1",
};

/** The one that the first word names. */
export function namedBuildpack({ args, world }: Context): string | undefined {
  return resolveBuildpack(args.words[0], world);
}

/** A path means what it means in this directory. */
export function resolveBuildpack(word: string | undefined, world: World): string | undefined {
  if (word === undefined || !/^(?:\.\.?|~)(?:\/|$)/.test(word)) return word;
  return word.startsWith("~") ? resolve(world.env["HOME"] ?? homedir(), word.slice(2)) : resolve(world.cwd, word);
}

/** From 0.
 *  @throws AppError usage for what is no place */
export function indexOption({ args }: Context): number | undefined {
  const text = args.value("index");
  if (text === undefined) return undefined;
  if (/^[1-9][0-9]{0,3}$/.test(text)) return Number(text) - 1;
  throw new AppError("usage", "Invalid index. Must be greater than 0.");
}

export function namesOf(items: readonly BuildpackItem[]): string[] {
  return items.map(({ buildpack }) => buildpack.name);
}

/** A list with one line each, numbered when there are several. */
export function listText(names: readonly string[], indent = ""): string {
  if (names.length === 1) return `${names[0] ?? ""}\n`;
  return names.map((name, index) => `${indent}${String(index + 1)}. ${name}\n`).join("");
}

/** Puts the list into force and tells it. */
export async function useBuildpacks(context: Context, names: readonly string[], action: Action): Promise<undefined> {
  const { args, client, out } = context;
  const app = context.app();
  const items = await client.setBuildpacks(app, names);
  if (args.has("json")) return out.json(items);
  await out.write(describe(app, namesOf(items), action));
  await warnOfVariable(context, app);
  return undefined;
}

type Action = "added" | "cleared" | "removed" | "set";

function describe(app: string, names: readonly string[], action: Action): string {
  const what = `Buildpack${action === "cleared" ? "s" : ""} ${action}. Next release on ${app} will`;
  if (names.length === 0) return `${what} detect buildpacks normally.\n`;
  const push = "Run git push production main to create a new release using";
  if (names.length === 1) return `${what} use ${names[0] ?? ""}.\n${push} this buildpack.\n`;
  return `${what} use:\n${listText(names, "  ")}${push} these buildpacks.\n`;
}

async function warnOfVariable({ client, out }: Context, app: string): Promise<void> {
  if ((await client.config(app))["BUILDPACK_URL"] === undefined) return;
  out.warn("The BUILDPACK_URL config var is still set and will be used for the next release");
}
