/** What may be asked of a log, the same words for the options of `logs` and the parameters of its endpoint. */
import { AppError } from "./error.ts";
import { LOG_LEVELS } from "./log-line.ts";

/** Words that contradict each other. */
const CONFLICTS: readonly (readonly [string, string])[] = [
  ["search", "regex"],
  ["around", "since"],
  ["around", "until"],
  ["around", "context"],
  ["around", "tail"],
  ["until", "tail"],
  ["trash", "tail"],
  ["imported", "tail"],
  ["imported", "trash"],
  ["count", "num"],
  ["count", "around"],
  ["count", "context"],
  ["count", "tail"],
];
/** Words that say nothing without one of the others. */
const NEEDS: readonly (readonly [string, readonly string[]])[] = [
  ["invert", ["search", "regex"]],
  ["ignore-case", ["search", "regex"]],
  ["after", ["tail"]],
];

/** What is wrong with these words together; undefined when nothing is. `prefix` is put before each: `--`. */
export function findContradiction(given: ReadonlySet<string>, prefix = ""): string | undefined {
  const clash = CONFLICTS.find(([one, other]) => given.has(one) && given.has(other));
  if (clash !== undefined) return `${prefix}${clash[0]} and ${prefix}${clash[1]} cannot be used together.`;
  const lone = NEEDS.find(([one, others]) => given.has(one) && !others.some((other) => given.has(other)));
  if (lone === undefined) return undefined;
  return `${prefix}${lone[0]} needs ${lone[1].map((other) => prefix + other).join(" or ")}.`;
}

/** `error,warn` → error, warning.
 *  @throws AppError invalid_params for a word that is no level. */
export function parseLevels(text: string): string[] {
  return text.split(",").map((word) => {
    const wanted = word.trim().toLowerCase();
    const level = LOG_LEVELS.find((known) => known === wanted || (known === "warning" && wanted === "warn"));
    if (level !== undefined) return level;
    throw new AppError("invalid_params", `${JSON.stringify(word.slice(0, 40))} is no level.`, {
      hint: `Levels are ${LOG_LEVELS.join(", ")}; several are separated by commas.`,
    });
  });
}
