/** The `Range` header of the Platform API: `version ..; max=15, order=desc`, with its several spellings
 *  (commas or semicolons between the options, a trailing semicolon, an empty value). */
import { AppError } from "../core/error.ts";

export interface ListRange {
  max: number;
  order: "asc" | "desc";
  /** First and last value of the key, both inclusive, as they stand in the header. */
  from: string | undefined;
  to: string | undefined;
}

const MAX_DEFAULT = 200;
const MAX_LIMIT = 1000;

/** @throws AppError requested_range_not_satisfiable when the header is of no known form. */
export function parseRange(header: string | undefined): ListRange {
  const range: ListRange = { max: MAX_DEFAULT, order: "asc", from: undefined, to: undefined };
  const [keyPart = "", ...options] = (header ?? "").split(/[;,]/).map((part) => part.trim());
  const keys = /^[\w-]+ +([^\s.]*)\.\.([^\s.]*)$/.exec(keyPart);
  if (keys) {
    range.from = keys[1] === "" ? undefined : keys[1];
    range.to = keys[2] === "" ? undefined : keys[2];
  } else if (keyPart !== "") options.unshift(keyPart);
  for (const option of options) readOption(range, option);
  return range;
}

function readOption(range: ListRange, option: string): void {
  if (option === "") return;
  const [name, value = ""] = option.split("=");
  if (name === "max" && /^\d{1,6}$/.test(value)) range.max = Math.min(MAX_LIMIT, Math.max(1, Number(value)));
  else if (name === "order" && (value === "asc" || value === "desc")) range.order = value;
  else if (!/^[\w-]+( +\.\.)?$/.test(option)) {
    throw new AppError(
      "requested_range_not_satisfiable",
      `Range option ${JSON.stringify(option.slice(0, 40))} is not known.`,
      {
        hint: "A range looks like: version ..; max=15, order=desc",
      },
    );
  }
}
