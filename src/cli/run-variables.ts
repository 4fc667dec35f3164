/** Variables of one process, as `--env NAME=VALUE` gives them. */
import { AppError } from "../core/error.ts";
import type { Option } from "./command.ts";

export const ENV_OPTION: Option = {
  name: "env",
  short: "e",
  value: "NAME=VALUE",
  many: true,
  summary: "a variable for this process (repeatable)",
};

/** @throws AppError invalid_params; the value, which may be secret, is not repeated. */
export function readVariables(texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(texts.map(readVariable));
}

function readVariable(text: string): [name: string, value: string] {
  const at = text.indexOf("=");
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  throw new AppError("invalid_params", "A variable of --env has no name or no value.", {
    hint: "Write it as --env NAME=VALUE.",
  });
}
