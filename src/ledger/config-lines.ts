/** Which variables differ between two versions of `config.env`. Lines are compared first: a line that is the same byte
 *  for byte has the same value, and only the others are decrypted, for after a change of keys every line is another. */
import type { ConfigDifference } from "../core/config-vars.ts";
import { readLines, type ConfigCipher } from "./config-cipher.ts";

const ENCRYPTED = /^[A-Za-z0-9_]+='encrypted:/;

/** @throws AppError unavailable when a value must be compared and no key of the app opens it. */
export async function compareConfigLines(
  cipher: ConfigCipher,
  before: string,
  after: string,
): Promise<ConfigDifference> {
  const [old, now] = [readLines(before), readLines(after)];
  const changed: string[] = [];
  for (const [name, line] of now) {
    const was = old.get(name);
    if (was !== undefined && !(await isSameValue(cipher, was, line))) changed.push(name);
  }
  return {
    added: [...now.keys()].filter((name) => !old.has(name)).sort(),
    changed: changed.sort(),
    removed: [...old.keys()].filter((name) => !now.has(name)).sort(),
  };
}

/** Sorted. */
export function configNames(configEnv: string): string[] {
  return [...readLines(configEnv).keys()].sort();
}

/** Whether two lines of one variable give it the same value. */
export async function isSameValue(cipher: ConfigCipher, line: string, other: string): Promise<boolean> {
  if (line === other) return true;
  // A ciphertext is as much longer as its value is.
  if (line.length !== other.length && ENCRYPTED.test(line) && ENCRYPTED.test(other)) return false;
  const [one, two] = [await cipher.read(line), await cipher.read(other)];
  return Object.keys(one).every((name) => one[name] === two[name]);
}
