/** What is kept of an access token: everything but the token itself, of which only a hash is stored (docs/formats.md,
 *  "Tokens"). */
import { AppError } from "./error.ts";
import { formatPerson, parsePerson, type Person } from "./person.ts";

export interface AccessToken {
  /** A UUID. */
  id: string;
  /** SHA-256 of the token, in hex. */
  sha256: string;
  owner: Person;
  /** Whether it is for everything on the platform, not only for what its owner may do with apps. */
  isAdmin: boolean;
  description: string;
  /** Milliseconds since the epoch. */
  createdAt: number;
  /** Undefined: never. */
  expiresAt: number | undefined;
  /** To the minute. */
  usedAt: number | undefined;
}

const PREFIX = "git-heroku-";
const DESCRIPTION_LENGTH_MAX = 200;
const DAY_MS = 24 * 60 * 60 * 1000;
const UNIT_MS: Readonly<Record<string, number>> = {
  m: 60_000,
  h: 3_600_000,
  d: DAY_MS,
  w: 7 * DAY_MS,
  y: 365 * DAY_MS,
};
const LIFETIME_MS_MAX = 100 * 365 * DAY_MS;

/** The prefix lets people, and programs that look for leaked secrets, see what it is.
 *  @param random at least 128 bits of it, as base64url */
export function formatToken(random: string): string {
  return PREFIX + random;
}

/** Reads `30d`, `12h` or `1y` as milliseconds.
 *  @throws AppError invalid_params */
export function parseLifetime(text: string): number {
  const [, number, unit = ""] = /^(\d{1,6})([mhdwy])$/.exec(text) ?? [];
  return checkLifetime(Number(number) * (UNIT_MS[unit] ?? 0), text);
}

/** @throws AppError invalid_params */
export function checkLifetime(ms: number, text: string): number {
  if (ms > 0 && ms <= LIFETIME_MS_MAX) return ms;
  throw new AppError(
    "invalid_params",
    `${JSON.stringify(text.slice(0, 40))} is no time after which a token can expire.`,
    {
      hint: "Write 12h, 30d or 1y; a token without one does not expire.",
    },
  );
}

/** On one line of a listing, whatever somebody typed. */
export function cleanDescription(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ")
    .trim()
    .slice(0, DESCRIPTION_LENGTH_MAX)
    .replace(/\p{Surrogate}/gu, "");
}

export function isExpired({ expiresAt }: AccessToken, now: number): boolean {
  return expiresAt !== undefined && expiresAt <= now;
}

type StoredToken = Record<"id" | "sha256" | "owner" | "description" | "created_at", string> &
  Record<"expires_at" | "used_at", string | null> & { admin: boolean };

export function formatTokens(tokens: readonly AccessToken[]): { tokens: StoredToken[] } {
  return { tokens: tokens.map(formatStored) };
}

function formatStored(token: AccessToken): StoredToken {
  const { id, sha256, owner, isAdmin, description, createdAt, expiresAt, usedAt } = token;
  return {
    admin: isAdmin,
    id,
    sha256,
    owner: formatPerson(owner),
    description,
    created_at: new Date(createdAt).toISOString(),
    expires_at: formatTime(expiresAt),
    used_at: formatTime(usedAt),
  };
}

function formatTime(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}

/** Undefined when it is not what `formatTokens` makes: half a list of who may come in is worse than none. */
export function parseTokens(stored: unknown): AccessToken[] | undefined {
  const list = isRecord(stored) ? stored["tokens"] : undefined;
  if (!Array.isArray(list)) return undefined;
  const tokens = list.map(parseStored).filter((token) => token !== undefined);
  return tokens.length === list.length ? tokens : undefined;
}

function parseStored(stored: unknown): AccessToken | undefined {
  if (!isRecord(stored)) return undefined;
  // Before there were people, each token was for everything.
  const { id, sha256, owner, description, admin: isAdmin = true } = stored;
  const person = typeof owner === "string" ? parsePerson(owner) : undefined;
  const times = parseTimes(stored);
  if (person === undefined || times === undefined) return undefined;
  if (typeof id !== "string" || typeof description !== "string" || !isDigest(sha256)) return undefined;
  if (typeof isAdmin !== "boolean") return undefined;
  return { id, sha256, owner: person, isAdmin, description, ...times };
}

function isDigest(value: unknown): value is string {
  return typeof value === "string" && /^[0-9a-f]{64}$/.test(value);
}

function parseTimes(
  stored: Record<string, unknown>,
): Pick<AccessToken, "createdAt" | "expiresAt" | "usedAt"> | undefined {
  const [createdAt, expiresAt, usedAt] = [stored["created_at"], stored["expires_at"], stored["used_at"]].map(parseTime);
  if (createdAt === undefined || [createdAt, expiresAt, usedAt].some(Number.isNaN)) return undefined;
  return { createdAt, expiresAt, usedAt };
}

/** NaN for what is no time. */
function parseTime(value: unknown): number | undefined {
  if (value === null) return undefined;
  return typeof value === "string" ? Date.parse(value) : NaN;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
