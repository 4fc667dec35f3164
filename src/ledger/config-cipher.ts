/** `config.env` of a release: dotenv lines whose values are encrypted in dotenvx's format, single-quoted because in
 *  double quotes dotenvx would run commands found in a decrypted value. An unchanged variable keeps its line byte for
 *  byte. One of these per app: it remembers plaintexts by ciphertext, for a decryption takes some 15 ms. */
import { setImmediate as otherWork } from "node:timers/promises";
import { decrypt, encrypt } from "@dotenvx/primitives";
import { parse } from "dotenv";
import { checkConfigName, checkConfigValue, type ConfigChange, type ConfigVars } from "../core/config-vars.ts";
import { AppError } from "../core/error.ts";
import { RecentMap } from "../core/recent-map.ts";
import type { AppKeys } from "./app-keys.ts";

const PUBLIC_KEY_NAME = "DOTENV_PUBLIC_KEY";
const MARK = "encrypted:";
const REMEMBERED_MAX = 2000;

/** The config of an app without variables. */
export function emptyConfigEnv(publicKey: string): string {
  return `${PUBLIC_KEY_NAME}="${publicKey}"\n`;
}

/** The key that this config was encrypted for. */
export function readPublicKey(configEnv: string): string | undefined {
  return parse(configEnv)[PUBLIC_KEY_NAME];
}

export class ConfigCipher {
  readonly #keys: AppKeys;
  /** Ciphertext → plaintext. */
  readonly #plain = new RecentMap<string, string>(REMEMBERED_MAX);

  constructor(keys: AppKeys) {
    this.#keys = keys;
  }

  /** @throws AppError unavailable when no key of the app opens a value. */
  async read(configEnv: string): Promise<ConfigVars> {
    const vars: [string, string][] = [];
    for (const [name, value] of Object.entries(parse(configEnv))) {
      if (name !== PUBLIC_KEY_NAME) vars.push([name, await this.#decrypted(name, value)]);
    }
    return Object.fromEntries(vars);
  }

  /** Sets and removes (null) variables. A variable set to the value it has keeps its line. */
  async change(configEnv: string, change: ConfigChange): Promise<string> {
    const lines = readLines(configEnv);
    const before = await this.read(configEnv);
    for (const [name, value] of Object.entries(change)) {
      checkConfigName(name);
      if (value === null) lines.delete(name);
      else if (before[name] !== value || !lines.has(name)) {
        checkConfigValue(name, value);
        lines.set(name, `${name}='${await this.#encrypted(value)}'`);
      }
    }
    const sorted = [...lines].sort(([a], [b]) => (a < b ? -1 : 1));
    return emptyConfigEnv(this.#keys.publicKey) + sorted.map(([, line]) => `${line}\n`).join("");
  }

  /** Gives variables the values that they have in another config.env; those that it has not are removed. A line comes
   *  over as it is, unless it was encrypted for another key. */
  async adopt(configEnv: string, from: string, names: readonly string[]): Promise<string> {
    const vars = await this.read(from);
    const changed = await this.change(
      configEnv,
      Object.fromEntries(names.map((name) => [name, Object.hasOwn(vars, name) ? (vars[name] ?? null) : null])),
    );
    const head = emptyConfigEnv(this.#keys.publicKey);
    if (!from.startsWith(head)) return changed;
    const taken = readLines(from);
    const lines = [...readLines(changed)].map(([name, line]) =>
      names.includes(name) ? (taken.get(name) ?? line) : line,
    );
    return head + lines.map((line) => `${line}\n`).join("");
  }

  async #decrypted(name: string, value: string): Promise<string> {
    if (!value.startsWith(MARK)) return value;
    const known = this.#plain.get(value);
    if (known !== undefined) return known;
    for (const key of this.#keys.privateKeys) {
      await otherWork();
      const plain = tryDecrypt(key, value);
      if (plain !== undefined) return this.#remember(value, plain);
    }
    throw new AppError("unavailable", `The value of ${name} cannot be decrypted with the keys of this app.`, {
      hint: "Restore the app's key file, or set the variable again.",
    });
  }

  async #encrypted(value: string): Promise<string> {
    await otherWork();
    const ciphertext = encrypt(this.#keys.publicKey, value);
    this.#remember(ciphertext, value);
    return ciphertext;
  }

  #remember(ciphertext: string, plain: string): string {
    this.#plain.set(ciphertext, plain);
    return plain;
  }
}

/** Name → its line, without the public key's. */
export function readLines(configEnv: string): Map<string, string> {
  const lines = new Map<string, string>();
  for (const line of configEnv.split("\n")) {
    const name = /^([A-Za-z_][A-Za-z0-9_]*)=/.exec(line)?.[1];
    if (name !== undefined && name !== PUBLIC_KEY_NAME) lines.set(name, line);
  }
  return lines;
}

/** The library's errors may quote what it was given, so they stop here. */
function tryDecrypt(key: string, value: string): string | undefined {
  try {
    return decrypt(key, value);
  } catch {
    return undefined;
  }
}
