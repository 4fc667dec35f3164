/** Config vars: which names and values an app may set (docs/formats.md, "config.env"). */
import { AppError } from "./error.ts";

/** Name → value, in plain text. */
export type ConfigVars = Readonly<Record<string, string>>;
/** Name → new value, or null to remove the variable. */
export type ConfigChange = Readonly<Record<string, string | null>>;

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** Names and values of one app together; Heroku allows 32 KB. */
export const CONFIG_BYTES_MAX = 64 * 1024;

/** What the platform itself puts into the environment of a process. */
export const INJECTED_NAMES: readonly string[] = [
  "DYNO",
  "HEROKU_APP_NAME",
  "HEROKU_RELEASE_CREATED_AT",
  "HEROKU_RELEASE_VERSION",
  "HEROKU_SLUG_COMMIT",
  "HEROKU_SLUG_DESCRIPTION",
  "HOME",
  "PATH",
  "PORT",
];

/** A name that plain objects lose cannot be kept, by us or by the readers of a dotenv file. */
export function isConfigName(name: string): boolean {
  return NAME.test(name) && name !== "__proto__";
}

export function isReservedName(name: string): boolean {
  return INJECTED_NAMES.includes(name) || name.startsWith("DOTENV_");
}

/** @throws AppError invalid_params for a name that is malformed or reserved. */
export function checkConfigName(name: string): void {
  if (!isConfigName(name)) {
    throw new AppError("invalid_params", `${JSON.stringify(name.slice(0, 60))} is not a valid config var name.`, {
      hint: "Use letters, digits and underscores, not beginning with a digit.",
    });
  }
  if (isReservedName(name)) {
    throw new AppError("invalid_params", `${name} is reserved: the platform sets it itself.`, {
      hint: "Choose another name.",
    });
  }
}

/** @throws AppError invalid_params for a value that no environment or ledger line can hold. */
export function checkConfigValue(name: string, value: string): void {
  if (value.includes("\0")) throw new AppError("invalid_params", `The value of ${name} contains a NUL character.`);
  if (value.startsWith("encrypted:")) {
    throw new AppError(
      "invalid_params",
      `The value of ${name} begins with "encrypted:", which marks stored ciphertext.`,
      {
        hint: "Set the plain value; the platform encrypts it.",
      },
    );
  }
  if (/\p{Surrogate}/u.test(value))
    throw new AppError("invalid_params", `The value of ${name} is not valid UTF-8 text.`);
}

/** Applies a checked change. `changed` lists only what really differs, so that a no-op makes no release.
 *  @throws AppError invalid_params for a bad name, a bad value, or when the whole grows over the limit. */
export function changeConfig(vars: ConfigVars, change: ConfigChange): ConfigResult {
  const next = new Map(Object.entries(vars));
  const added: string[] = [];
  const removed: string[] = [];
  for (const [name, value] of Object.entries(change)) {
    checkConfigName(name);
    if (value === null) {
      if (next.delete(name)) removed.push(name);
      continue;
    }
    checkConfigValue(name, value);
    if (next.get(name) !== value) added.push(name);
    next.set(name, value);
  }
  checkSize(next);
  return {
    vars: Object.fromEntries([...next].sort(([a], [b]) => (a < b ? -1 : 1))),
    added: added.sort(),
    removed: removed.sort(),
  };
}

export interface ConfigResult {
  vars: ConfigVars;
  /** Names set to a new value, sorted. */
  added: string[];
  /** Names that existed and are gone, sorted. */
  removed: string[];
}

/** Names, sorted, by what happened to them. */
export interface ConfigDifference {
  added: string[];
  changed: string[];
  removed: string[];
}

export function compareConfig(before: ConfigVars, after: ConfigVars): ConfigDifference {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return {
    added: names.filter((name) => !Object.hasOwn(before, name)),
    changed: names.filter(
      (name) => Object.hasOwn(before, name) && Object.hasOwn(after, name) && before[name] !== after[name],
    ),
    removed: names.filter((name) => !Object.hasOwn(after, name)),
  };
}

/** Whether a change that was made from `base` can be applied to what there is now.
 *  @throws AppError conflict, with the names that somebody else has changed otherwise meanwhile. */
export function checkUntouched(base: ConfigVars, now: ConfigVars, change: ConfigChange): void {
  const own = (vars: ConfigVars, name: string): string | null =>
    Object.hasOwn(vars, name) ? (vars[name] ?? null) : null;
  const touched = Object.entries(change)
    .filter(([name, wanted]) => own(now, name) !== own(base, name) && own(now, name) !== wanted)
    .map(([name]) => name)
    .sort();
  if (touched.length === 0) return;
  throw new AppError("conflict", `Somebody else has changed ${touched.join(", ")} meanwhile.`, {
    hint: "Nothing was changed. Look at the config as it is now, and change it again.",
  });
}

function checkSize(vars: ReadonlyMap<string, string>): void {
  let bytes = 0;
  const encoder = new TextEncoder();
  for (const [name, value] of vars) bytes += name.length + encoder.encode(value).length;
  if (bytes > CONFIG_BYTES_MAX) {
    throw new AppError(
      "invalid_params",
      `Config vars would take ${String(bytes)} bytes; an app may have 65536 in all.`,
      {
        hint: "Keep large values in a file of the app or in a backing service.",
      },
    );
  }
}
