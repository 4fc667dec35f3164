/** The SSH keys of a platform's people: the form in which they are kept (docs/formats.md, "SSH keys"), and the
 *  `authorized_keys` that is made of them. */
import { formatPerson, parsePerson, type Person } from "./person.ts";
import { parseSshKey, type SshKey } from "./ssh-key.ts";

export interface AccessKey {
  /** `SHA256:…`, as `ssh-keygen -l` has it. */
  fingerprint: string;
  /** `ssh-ed25519 AAAA…`, without a comment. */
  publicKey: string;
  comment: string;
  owner: Person;
  /** Whether it is for everything on the platform, not only for what its owner may do with apps. */
  isAdmin: boolean;
  /** Milliseconds since the epoch. */
  addedAt: number;
}

type StoredKey = Record<"added_at" | "comment" | "fingerprint" | "owner" | "public_key", string> & { admin: boolean };

export function formatKeys(keys: readonly AccessKey[]): { keys: StoredKey[] } {
  return {
    keys: keys.map(({ fingerprint, publicKey, comment, owner, isAdmin, addedAt }) => ({
      admin: isAdmin,
      added_at: new Date(addedAt).toISOString(),
      comment,
      fingerprint,
      owner: formatPerson(owner),
      public_key: publicKey,
    })),
  };
}

/** Undefined when it is not what `formatKeys` makes: half a list of who may come in is worse than none. */
export function parseKeys(stored: unknown, fingerprintOf: (blob: Uint8Array) => string): AccessKey[] | undefined {
  const list = isRecord(stored) ? stored["keys"] : undefined;
  if (!Array.isArray(list)) return undefined;
  const keys = list.map((one) => parseStored(one, fingerprintOf)).filter((key) => key !== undefined);
  const isWhole = keys.length === list.length && new Set(keys.map((key) => key.publicKey)).size === keys.length;
  return isWhole ? keys : undefined;
}

function parseStored(stored: unknown, fingerprintOf: (blob: Uint8Array) => string): AccessKey | undefined {
  if (!isRecord(stored)) return undefined;
  const { public_key: text, fingerprint, comment, admin: isAdmin } = stored;
  const [owner, addedAt] = [parsePerson(textOf(stored["owner"])), Date.parse(textOf(stored["added_at"]))];
  const key = readKey(textOf(text));
  if (key === undefined || owner === undefined || Number.isNaN(addedAt)) return undefined;
  if (typeof comment !== "string" || typeof isAdmin !== "boolean") return undefined;
  if (fingerprint !== fingerprintOf(key.blob)) return undefined;
  return { fingerprint, publicKey: key.publicKey, comment, owner, isAdmin, addedAt };
}

/** Empty for what is none. */
function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function readKey(text: string): SshKey | undefined {
  try {
    const key = parseSshKey(text);
    return key.publicKey === text ? key : undefined;
  } catch {
    return undefined;
  }
}

/** The file for sshd: each key runs the one program, which is told the key's fingerprint, and nothing else. Nothing that a
 *  person typed is in it: no comment, no name.
 *  @param command words for a shell; the fingerprint follows them */
export function formatAuthorizedKeys(keys: readonly AccessKey[], command: readonly string[]): string {
  const lines = keys.map(({ fingerprint, publicKey }) => {
    const words = [...command, fingerprint].map(quoteForShell).join(" ");
    return `restrict,command="${words.replaceAll('"', String.raw`\"`)}" ${publicKey}\n`;
  });
  return `# Made by git-heroku from access/keys.json; what is changed here is lost.\n${lines.join("")}`;
}

function quoteForShell(word: string): string {
  return `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
