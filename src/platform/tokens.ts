/** The access tokens of a platform: who may use the Platform API over TCP. Kept in `access/tokens.json`, hashed; a token is
 *  seen only by whoever makes it. Every change is on disk before it is in force. */
import { createHash, randomBytes, randomUUID, timingSafeEqual } from "node:crypto";
import {
  cleanDescription,
  formatToken,
  formatTokens,
  isExpired,
  parseTokens,
  type AccessToken,
} from "../core/access-token.ts";
import type { Clock } from "../core/clock.ts";
import { AppError } from "../core/error.ts";
import type { Person } from "../core/person.ts";
import type { Home } from "./home.ts";
import type { Journal } from "./journal.ts";
import { StoredFile, type StoredForm } from "./stored-file.ts";

/** 256 bits. */
const TOKEN_BYTES = 32;
/** Each is compared with what a caller shows. */
const TOKENS_MAX = 1000;
const ID_LENGTH_MIN = 4;
/** How exactly the time of the last use is known; each note of it is a write to the disk. */
const USE_NOTED_MS = 60_000;

/** A token that lets somebody in. */
export interface TokenUse {
  readonly about: AccessToken;
  /** Called when it is revoked. */
  readonly onRevoked: Set<() => void>;
}

export interface ShownToken extends TokenUse {
  /** The token itself. */
  readonly text: string;
}

export interface NewToken {
  owner: Person;
  /** For everything, as only whoever may do everything can make one. */
  isAdmin: boolean;
  description: string;
  /** Milliseconds; undefined: it does not expire. */
  lifetimeMs: number | undefined;
}

interface Entry {
  about: AccessToken;
  digest: Buffer;
  onRevoked: Set<() => void>;
}

const FORM: StoredForm<readonly Entry[]> = {
  what: "tokens",
  damage: "nobody is let in over TCP",
  empty: [],
  parse: (stored) => parseTokens(stored)?.map(entryOf),
  format: (entries) => formatTokens(entries.map(({ about }) => about)),
};

export class Tokens {
  readonly #file: StoredFile<readonly Entry[]>;
  readonly #clock: Clock;
  readonly #journal: Journal;

  private constructor(file: StoredFile<readonly Entry[]>, { clock, journal }: { clock: Clock; journal: Journal }) {
    this.#file = file;
    this.#clock = clock;
    this.#journal = journal;
  }

  /** A file that cannot be read lets nobody in, and keeps nothing else from working. */
  static async open(home: Home, parts: { clock: Clock; journal: Journal }): Promise<Tokens> {
    return new Tokens(await StoredFile.open(home.tokensFile, FORM, parts.journal), parts);
  }

  get isDamaged(): boolean {
    return this.#file.isDamaged;
  }

  /** Oldest first. */
  list(): AccessToken[] {
    return this.#file.value.map(({ about }) => about);
  }

  /** By its id or a beginning of that, of four characters or more, that no other has.
   *  @param isSeen whether the caller may know of it
   *  @throws AppError not_found */
  find(id: string, isSeen: (token: AccessToken) => boolean = () => true): AccessToken {
    const tokens = this.list().filter(isSeen);
    const exact = tokens.filter((token) => token.id === id);
    const near = tokens.filter((token) => id.length >= ID_LENGTH_MIN && token.id.startsWith(id));
    const [token, ...others] = exact.length > 0 ? exact : near;
    if (token === undefined) throw noToken(id);
    if (others.length === 0) return token;
    throw new AppError("not_found", `Several tokens begin with ${id}.`, { hint: "Give more of the id." });
  }

  /** By its id; undefined when it lets nobody in any more. */
  use(id: string): TokenUse | undefined {
    const now = this.#clock.now();
    return this.#file.value.find(({ about }) => about.id === id && !isExpired(about, now));
  }

  /** The time that it takes does not tell how much of a token is right. */
  authenticate(token: string): ShownToken | undefined {
    const digest = digestOf(token);
    let found: Entry | undefined;
    for (const entry of this.#file.value) if (timingSafeEqual(entry.digest, digest)) found = entry;
    const now = this.#clock.now();
    if (found === undefined || isExpired(found.about, now)) return undefined;
    this.#noteUse(found, now);
    return { text: token, about: found.about, onRevoked: found.onRevoked };
  }

  /** Whether somebody who was let in before still is. */
  holds({ about: { id } }: TokenUse): boolean {
    const entry = this.#file.value.find((one) => one.about.id === id);
    const now = this.#clock.now();
    if (entry === undefined || isExpired(entry.about, now)) return false;
    this.#noteUse(entry, now);
    return true;
  }

  /** Those that have expired go.
   *  @throws AppError invalid_params when there are too many, unavailable when it cannot be stored */
  async create({ owner, isAdmin, description, lifetimeMs }: NewToken): Promise<{ token: string; about: AccessToken }> {
    const token = formatToken(randomBytes(TOKEN_BYTES).toString("base64url"));
    const createdAt = this.#clock.now();
    const about: AccessToken = {
      id: randomUUID(),
      sha256: digestOf(token).toString("hex"),
      owner,
      isAdmin,
      description: cleanDescription(description),
      createdAt,
      expiresAt: lifetimeMs === undefined ? undefined : createdAt + lifetimeMs,
      usedAt: undefined,
    };
    await this.#file.change((entries) => {
      const alive = entries.filter((entry) => !isExpired(entry.about, createdAt));
      if (alive.length >= TOKENS_MAX) throw tooMany();
      return [...alive, entryOf(about)];
    });
    return { token, about };
  }

  /** From now on it lets nobody in, and what is under way with it ends.
   *  @throws AppError not_found, or unavailable when that cannot be stored */
  async revoke(id: string): Promise<AccessToken> {
    let revoked: Entry | undefined;
    await this.#file.change((entries) => {
      revoked = entries.find(({ about }) => about.id === id);
      if (revoked === undefined) throw noToken(id);
      return entries.filter((entry) => entry !== revoked);
    });
    if (revoked === undefined) throw noToken(id);
    for (const end of revoked.onRevoked) end();
    return revoked.about;
  }

  /** Resolves when nothing is left to be written. */
  async close(): Promise<void> {
    await this.#file.close();
  }

  #noteUse(entry: Entry, now: number): void {
    const before = entry.about.usedAt;
    if (before !== undefined && now - before < USE_NOTED_MS) return;
    entry.about = { ...entry.about, usedAt: now };
    this.#file.rewrite().catch((error: unknown) => this.#journal.fault("writing access/tokens.json", error));
  }
}

function entryOf(about: AccessToken): Entry {
  return { about, digest: Buffer.from(about.sha256, "hex"), onRevoked: new Set() };
}

function digestOf(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}

function noToken(id: string): AppError {
  return new AppError("not_found", "Couldn't find that token.", {
    hint: `There is no token ${JSON.stringify(id.slice(0, 40))}; \`git heroku tokens\` lists them.`,
    resource: "authorization",
  });
}

function tooMany(): AppError {
  return new AppError("invalid_params", `There are ${String(TOKENS_MAX)} tokens already.`, {
    hint: "Revoke some with: git heroku tokens:revoke ID",
  });
}
