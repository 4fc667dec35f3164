/** `create --from`: shows what app.json asks for, and has the person agree before anything is made. */
import { randomBytes } from "node:crypto";
import { parseAppJson, SECRET_BYTES } from "../core/app-json.ts";
import { describeSetup, makeSetup, planSetup, type AppSetup } from "../core/app-setup.ts";
import type { ConfigVars } from "../core/config-vars.ts";
import { AppError } from "../core/error.ts";
import { pad } from "../core/text-table.ts";
import type { Context } from "./command.ts";
import { findAppJson } from "./find-app-json.ts";
import { readLine } from "./read-line.ts";

/** Undefined when it was only to be shown.
 *  @throws AppError when app.json cannot be used, a value is missing, or the person does not agree */
export async function agreeOnSetup(context: Context, from: string): Promise<AppSetup | undefined> {
  const { out, args, world } = context;
  const app = parseAppJson(await findAppJson(world, from));
  const given = givenVars(args.values("env"));
  const rows = describeSetup(app, given).map(([label, text]) => `${pad(`${label}:`, 14)} ${text}\n`);
  const words = [`=== app.json of ${from}\n`, ...rows].join("");
  // A program reads one document, and a person what it is about.
  await (args.has("json") ? out.note(words) : out.write(words));
  for (const notice of app.notices) out.warn(notice);
  const setup = makeSetup(app, given, () => randomBytes(SECRET_BYTES).toString("hex"));
  if (args.has("dry-run")) return args.has("json") ? out.json(planSetup(app, given, setup)) : undefined;
  if (!args.has("yes")) await askWhether(context);
  return setup;
}

/** @throws AppError usage for what is not NAME=value */
function givenVars(words: readonly string[]): ConfigVars {
  const pairs = words.map((word): [string, string] => {
    const at = word.indexOf("=");
    if (at > 0) return [word.slice(0, at), word.slice(at + 1)];
    throw new AppError("usage", `${JSON.stringify(word.slice(0, 40))} is not NAME=value.`, {
      hint: "Write it like --env GREETING=hello",
    });
  });
  return Object.fromEntries(pairs);
}

/** @throws AppError confirmation_required */
async function askWhether({ out, world }: Context): Promise<void> {
  if (world.stdin.isTTY !== true) {
    throw new AppError("confirmation_required", "This is what would be made; nothing was.", {
      hint: "Run it again with --yes to make it, or with --dry-run to see it only.",
    });
  }
  out.note("Make it? [y/N] ");
  const answer = await readLine(world.stdin);
  if (/^y(?:es)?$/i.test(answer)) return;
  throw new AppError("confirmation_required", "Nothing was made.");
}
