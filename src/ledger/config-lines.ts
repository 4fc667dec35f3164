/** Which variables differ between two versions of `config.env`. Lines are compared first: a line that is the same byte
 *  for byte has the same value, and only the others are decrypted, for after a change of keys every line is another. */
import { configLines, type ConfigCipher } from "./config-cipher.ts";

/** Names, sorted. */
export interface ConfigDifference {
  added: string[];
  changed: string[];
  removed: string[];
}

/** @throws AppError unavailable when a value must be compared and no key of the app opens it. */
export async function compareConfig(cipher: ConfigCipher, before: string, after: string): Promise<ConfigDifference> {
  const [old, now] = [configLines(before), configLines(after)];
  const changed: string[] = [];
  for (const [name, line] of now) {
    const was = old.get(name);
    if (was !== undefined && !(await cipher.isSameValue(was, line))) changed.push(name);
  }
  return {
    added: [...now.keys()].filter((name) => !old.has(name)).sort(),
    changed: changed.sort(),
    removed: [...old.keys()].filter((name) => !now.has(name)).sort(),
  };
}
