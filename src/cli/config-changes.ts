/** What a change of several config vars comes to, in words: names, never values. */
import { compareConfig, type ConfigChange, type ConfigDifference, type ConfigVars } from "../core/config-vars.ts";

/** @returns undefined when nothing differs. */
export function changeBetween(
  before: ConfigVars,
  after: ConfigVars,
): { change: ConfigChange; difference: ConfigDifference } | undefined {
  const difference = compareConfig(before, after);
  const { added, changed, removed } = difference;
  if (added.length + changed.length + removed.length === 0) return undefined;
  const set = [...added, ...changed].map((name): [string, string] => [name, after[name] ?? ""]);
  return { change: Object.fromEntries([...set, ...removed.map((name): [string, null] => [name, null])]), difference };
}

export function formatDifference({ added, changed, removed }: ConfigDifference): string {
  const rows = [
    ...added.map((name) => `  added    ${name}\n`),
    ...changed.map((name) => `  changed  ${name}\n`),
    ...removed.map((name) => `  removed  ${name}\n`),
  ];
  return rows.join("");
}
