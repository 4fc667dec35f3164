/** What the commands for Heroku's own client have in common: for which shell they print, and which app that client is told. */
import { AppError } from "../core/error.ts";
import type { Shell } from "../core/heroku-env.ts";
import type { Command, Context, Option } from "./command.ts";
import { usageError } from "./parse-arguments.ts";

export const SHELL_OPTION: Option = {
  name: "shell",
  value: "NAME",
  completes: ["sh", "fish"],
  summary: "sh, which bash and zsh understand too, or fish",
};

export function shellOf({ args }: Context, command: Command): Shell {
  const shell = args.value("shell") ?? "sh";
  if (shell === "sh" || shell === "fish") return shell;
  throw usageError(command, `${JSON.stringify(shell)} is not a shell that is known here; give sh or fish`);
}

/** Without one the person names it with each command. One that was named must be there. */
export function appIfAny(context: Context): string | undefined {
  try {
    return context.app();
  } catch (error) {
    const isNamed = context.args.has("app") || context.args.has("remote");
    if (error instanceof AppError && !isNamed) return undefined;
    throw error;
  }
}
