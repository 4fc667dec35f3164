/** JSON that a person wrote: what is wrong with it is told by line and column. */
import { AppError } from "./error.ts";
import type { Json } from "./json.ts";

/** @param name what the text is, such as `app.json`
 *  @throws AppError invalid_params with the place of the first mistake */
export function parseJsonText(text: string, name: string): Json {
  const plain = text.replace(/^\uFEFF/, "");
  try {
    return JSON.parse(plain) as Json;
  } catch (error) {
    const said = error instanceof Error ? error.message : "";
    throw new AppError("invalid_params", `${name} is not JSON: ${describePlace(plain, said)}.`, {
      hint: "JSON has double quotes around names and texts, no comments, and no comma before a closing bracket.",
      cause: error,
    });
  }
}

/** The engine names the place as an offset, or says that the text ends too early. */
function describePlace(text: string, said: string): string {
  const digits = /at position (\d+)/.exec(said)?.[1];
  const offset = digits === undefined ? text.length : Number(digits);
  const before = text.slice(0, offset).split("\n");
  const place = `line ${String(before.length)}, column ${String((before.at(-1)?.length ?? 0) + 1)}`;
  if (text.trim() === "") return "it is empty";
  return offset >= text.trimEnd().length ? `it ends too early, in ${place}` : `there is a mistake in ${place}`;
}
