/** `config.env` of a release: dotenv lines whose values are encrypted in dotenvx's format, single-quoted because in
 *  double quotes dotenvx would run commands found in a decrypted value. An unchanged variable keeps its line byte for
 *  byte, unless the line is for an older key: all lines of what is written here are for the newest key, which the first
 *  line names, so that one private key opens them (docs/decisions/051-one-key-per-release.md). One of these per app: it
 *  remembers plaintexts by ciphertext, for a decryption takes 1 to 2 ms. */
import { setImmediate as otherWork } from "node:timers/promises";
import { parse } from "dotenv";
import { checkConfigName, checkConfigValue, type ConfigChange, type ConfigVars } from "../core/config-vars.ts";
import { AppError } from "../core/error.ts";
import { RecentMap } from "../core/recent-map.ts";
import type { AppKeys } from "./app-keys.ts";
import { decrypt, encrypt, ENCRYPTED_MARK, publicKeyOf } from "./ecies.ts";

const PUBLIC_KEY_NAME = "DOTENV_PUBLIC_KEY";
const REMEMBERED_MAX = 2000;

/** The config of an app without variables. */
export function emptyConfigEnv(publicKey: string): string {
  return `${PUBLIC_KEY_NAME}="${publicKey}"\n`;
}

/** The key that this config was encrypted for. */
export function readPublicKey(configEnv: string): string | undefined {
  return parse(configEnv)[PUBLIC_KEY_NAME];
}

/** What is known of a ciphertext. */
interface Opened {
  plain: string;
  /** Of the key that it is encrypted for. */
  publicKey: string;
}

export class ConfigCipher {
  #keys: AppKeys;
  /** By ciphertext. */
  readonly #opened = new RecentMap<string, Opened>(REMEMBERED_MAX);

  constructor(keys: AppKeys) {
    this.#keys = keys;
  }

  get keys(): AppKeys {
    return this.#keys;
  }

  /** From now on these keys count. They must contain those there were, and be on disk. */
  useKeys(keys: AppKeys): void {
    this.#keys = keys;
  }

  /** @throws AppError unavailable when no key of the app opens a value. */
  async read(configEnv: string): Promise<ConfigVars> {
    const vars: [string, string][] = [];
    for (const [name, { plain }] of await this.#open(configEnv)) vars.push([name, plain]);
    return Object.fromEntries(vars);
  }

  /** Sets and removes (null) variables. A variable set to the value it has keeps its line. */
  async change(configEnv: string, change: ConfigChange): Promise<string> {
    // One key for all of it, also when the keys change meanwhile.
    const keys = this.#keys;
    const { publicKey } = keys;
    const lines = readLines(configEnv);
    const before = await this.#open(configEnv);
    const wanted = new Map([...before].map(([name, { plain }]): [string, string] => [name, plain]));
    for (const [name, value] of Object.entries(change)) {
      checkConfigName(name);
      if (value === null) wanted.delete(name);
      else wanted.set(name, value);
    }
    let text = emptyConfigEnv(publicKey);
    for (const [name, value] of [...wanted].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const old = before.get(name);
      const line = old?.plain === value && old.publicKey === publicKey ? lines.get(name) : undefined;
      text += `${line ?? (await this.#newLine(keys, name, value))}\n`;
    }
    return text;
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

  /** A text that is no config var, encrypted as they are. */
  seal(plain: string): Promise<string> {
    return this.#encrypted(this.#keys, plain);
  }

  /** What was sealed; undefined when no key of the app opens it. */
  async unseal(sealed: string): Promise<string | undefined> {
    try {
      return (await this.#decrypted("", sealed, this.#keys.privateKeys)).plain;
    } catch (error) {
      if (error instanceof AppError) return undefined;
      throw error;
    }
  }

  async #newLine(keys: AppKeys, name: string, value: string): Promise<string> {
    checkConfigValue(name, value);
    return `${name}='${await this.#encrypted(keys, value)}'`;
  }

  async #encrypted({ publicKey, privateKeys: [newest = ""] }: AppKeys, plain: string): Promise<string> {
    await otherWork();
    const ciphertext = encrypt(newest, plain);
    this.#opened.set(ciphertext, { plain, publicKey });
    return ciphertext;
  }

  async #open(configEnv: string): Promise<Map<string, Opened>> {
    const opened = new Map<string, Opened>();
    const values = parse(configEnv);
    const keys = this.#inOrderFor(values[PUBLIC_KEY_NAME]);
    for (const [name, value] of Object.entries(values)) {
      if (name !== PUBLIC_KEY_NAME) opened.set(name, await this.#decrypted(name, value, keys));
    }
    return opened;
  }

  /** The key that the first line names comes first: a wrong one costs as much as the right one. */
  #inOrderFor(publicKey: string | undefined): readonly string[] {
    const { privateKeys } = this.#keys;
    const named = privateKeys.find((key) => publicKeyOf(key) === publicKey);
    return named === undefined ? privateKeys : [named, ...privateKeys.filter((key) => key !== named)];
  }

  async #decrypted(name: string, value: string, keys: readonly string[]): Promise<Opened> {
    if (!value.startsWith(ENCRYPTED_MARK)) return { plain: value, publicKey: "" };
    const known = this.#opened.get(value);
    if (known !== undefined) return known;
    for (const key of keys) {
      await otherWork();
      const plain = decrypt(key, value);
      if (plain === undefined) continue;
      const opened = { plain, publicKey: publicKeyOf(key) };
      this.#opened.set(value, opened);
      return opened;
    }
    throw new AppError("unavailable", `The value of ${name} cannot be decrypted with the keys of this app.`, {
      hint: "Restore the app's key file, or set the variable again.",
    });
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
