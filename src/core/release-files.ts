/** What the files of a release and of a state must look like, byte for byte (docs/formats.md): each is written in one way
 *  only, so that equal facts are equal objects. A file that breaks a rule is told, whatever it holds; no value of a
 *  config var is ever part of what is told. */
import { checkConfigName } from "./config-vars.ts";
import { AppError } from "./error.ts";
import type { FindingKind, Flaw } from "./finding.ts";
import { formatJson, type Json } from "./json.ts";
import { formatProcfile, parseProcfile } from "./procfile.ts";
import { decodeUtf8 } from "./strict-commit.ts";

type FileRule = (text: string) => Flaw | undefined;

/** Name → its rule, for the files of a release's tree. */
const RULES: Readonly<Record<string, FileRule>> = {
  Procfile: checkProcfile,
  "addons.json": (text) => checkJson(text, "addons-malformed", "addons.json"),
  "config.env": checkConfigEnv,
};
const PUBLIC_KEY = /^DOTENV_PUBLIC_KEY="0[23][0-9a-f]{64}"$/;
const VARIABLE = /^([^=\s]*)=(.*)$/;
const ENCRYPTED = /^'encrypted:[A-Za-z0-9+/]+={0,2}'$/;

/** @param name one of the files of a release's tree. */
export function checkReleaseFile(name: string, bytes: Uint8Array): Flaw | undefined {
  const text = decodeUtf8(bytes);
  const kind =
    name === "config.env" ? "config-malformed" : name === "Procfile" ? "procfile-malformed" : "addons-malformed";
  return text === undefined ? { kind, reason: `its ${name} is not UTF-8` } : RULES[name]?.(text);
}

export function checkStateFile(name: string, bytes: Uint8Array): Flaw | undefined {
  const text = decodeUtf8(bytes);
  if (text === undefined) return { kind: "state-malformed", reason: `its ${name} is not UTF-8` };
  return checkJson(text, "state-malformed", name);
}

function checkJson(text: string, kind: FindingKind, name: string): Flaw | undefined {
  try {
    if (formatJson(JSON.parse(text) as Json) === text) return undefined;
  } catch {
    // Also what is nested deeper than a program can follow.
    return { kind, reason: `its ${name} is not JSON that can be read` };
  }
  return { kind, reason: `its ${name} is not JSON in the one form of the ledger` };
}

function checkProcfile(text: string): Flaw | undefined {
  const flaw: Flaw = { kind: "procfile-malformed", reason: "its Procfile is not a list of process types, sorted" };
  try {
    return formatProcfile(parseProcfile(text)) === text ? undefined : flaw;
  } catch (error) {
    if (error instanceof AppError) return flaw;
    throw error;
  }
}

function checkConfigEnv(text: string): Flaw | undefined {
  const [first, ...lines] = text.split("\n");
  if (lines.pop() !== "") return malformed("does not end with a line end");
  if (!PUBLIC_KEY.test(first ?? "")) return malformed("does not begin with the public key");
  let before = "";
  for (const line of lines) {
    const [, name = "", value = ""] = VARIABLE.exec(line) ?? [];
    const flaw = checkVariable(name, value, before);
    if (flaw !== undefined) return flaw;
    before = name;
  }
  return undefined;
}

function checkVariable(name: string, value: string, before: string): Flaw | undefined {
  if (!isConfigName(name)) return malformed("has a line that sets no variable");
  if (name <= before) return malformed(`does not have ${name} in order, or has it twice`);
  return ENCRYPTED.test(value) ? undefined : plain(name, value);
}

function plain(name: string, value: string): Flaw {
  return value.includes("encrypted:")
    ? malformed(`has a value of ${name} that cannot be read`)
    : { kind: "config-plain", reason: `its config.env has the value of ${name} in plain text` };
}

function malformed(what: string): Flaw {
  return { kind: "config-malformed", reason: `its config.env ${what}` };
}

function isConfigName(name: string): boolean {
  try {
    checkConfigName(name);
    return true;
  } catch {
    return false;
  }
}
