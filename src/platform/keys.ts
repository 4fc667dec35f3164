/** The SSH keys of a platform's people (`access/keys.json`): who may come in over SSH, and as whom. sshd reads the file
 *  `authorized_keys` that is made of them; but who comes in with a key that is not in the list any more is turned away
 *  all the same, at each request. */
import { createHash } from "node:crypto";
import { formatKeys, parseKeys, type AccessKey } from "../core/access-key.ts";
import type { Clock } from "../core/clock.ts";
import { AppError } from "../core/error.ts";
import { sameAddress } from "../core/access.ts";
import type { Person } from "../core/person.ts";
import { SerialQueue } from "../core/serial-queue.ts";
import { parseSshKey } from "../core/ssh-key.ts";
import type { Home } from "./home.ts";
import type { Journal } from "./journal.ts";
import { StoredFile, type StoredForm } from "./stored-file.ts";

/** sshd compares each with what it is shown. */
const KEYS_MAX = 5_000;

/** A key that lets somebody in. */
export interface KeyUse {
  readonly about: AccessKey;
  /** Called when it is removed. */
  readonly onRevoked: Set<() => void>;
}

/** Writes the file that sshd reads. */
type Publish = (keys: readonly AccessKey[]) => Promise<void>;

const FORM: StoredForm<readonly KeyUse[]> = {
  what: "SSH keys",
  damage: "none of the SSH keys is in force",
  empty: [],
  parse: (stored) => parseKeys(stored, fingerprintOf)?.map(useOf),
  format: (entries) => formatKeys(entries.map(({ about }) => about)),
};

export class Keys {
  readonly #file: StoredFile<readonly KeyUse[]>;
  readonly #clock: Clock;
  readonly #publishing = new SerialQueue();
  #publish: Publish = () => Promise.resolve();

  private constructor(file: StoredFile<readonly KeyUse[]>, clock: Clock) {
    this.#file = file;
    this.#clock = clock;
  }

  static async open(home: Home, parts: { clock: Clock; journal: Journal }): Promise<Keys> {
    return new Keys(await StoredFile.open(home.keysFile, FORM, parts.journal), parts.clock);
  }

  get isDamaged(): boolean {
    return this.#file.isDamaged;
  }

  /** Now, and after each change. */
  async publishBy(publish: Publish): Promise<void> {
    this.#publish = publish;
    await this.#publishAll();
  }

  /** Oldest first. */
  list(): AccessKey[] {
    return this.#file.value.map(({ about }) => about);
  }

  /** Undefined for a key that lets nobody in. */
  use(fingerprint: string): KeyUse | undefined {
    return this.#file.value.find(({ about }) => about.fingerprint === fingerprint);
  }

  /** Whether somebody who was let in before still is. */
  holds(use: KeyUse): boolean {
    return this.#file.value.includes(use);
  }

  /** A key that its owner has already stays as it is.
   *  @param text as in a `.pub` file
   *  @throws AppError invalid_params for what is no key, conflict when somebody else has it, unavailable */
  async add(text: string, { owner, isAdmin }: { owner: Person; isAdmin: boolean }): Promise<AccessKey> {
    const { publicKey, blob, comment } = parseSshKey(text);
    const about = { fingerprint: fingerprintOf(blob), publicKey, comment, owner, isAdmin, addedAt: this.#clock.now() };
    let added: AccessKey = about;
    await this.#file.change((entries) => {
      const same = entries.find((entry) => entry.about.publicKey === publicKey)?.about;
      if (same !== undefined) {
        if (sameAddress(same.owner.email) !== sameAddress(owner.email)) throw somebodyElses(about.fingerprint);
        added = same;
        return entries;
      }
      if (entries.length >= KEYS_MAX) throw tooMany();
      return [...entries, useOf(about)];
    });
    await this.#publishAll();
    return added;
  }

  /** By fingerprint or comment. From then on it lets nobody in, and what is under way with it ends.
   *  @param isSeen whether the caller may know of it
   *  @throws AppError not_found, also for several of one comment, or unavailable */
  async remove(which: string, isSeen: (key: AccessKey) => boolean): Promise<AccessKey> {
    const { fingerprint } = this.find(which, isSeen);
    let removed: KeyUse | undefined;
    await this.#file.change((entries) => {
      removed = entries.find(({ about }) => about.fingerprint === fingerprint);
      if (removed === undefined) throw noKey(which);
      return entries.filter((entry) => entry !== removed);
    });
    if (removed === undefined) throw noKey(which);
    for (const end of removed.onRevoked) end();
    await this.#publishAll();
    return removed.about;
  }

  /** @throws AppError not_found */
  find(which: string, isSeen: (key: AccessKey) => boolean): AccessKey {
    const keys = this.list().filter(isSeen);
    const [key, ...others] = keys.filter(({ fingerprint, comment }) => [fingerprint, comment].includes(which));
    if (key === undefined || which === "") throw noKey(which);
    if (others.length === 0) return key;
    throw new AppError("not_found", `Several keys have the comment ${which}.`, { hint: "Give the fingerprint." });
  }

  /** Resolves when nothing is left to be written. */
  async close(): Promise<void> {
    await this.#file.close();
    await this.#publishing.drained();
  }

  /** The list that is in force then, so the last of several wins. */
  #publishAll(): Promise<void> {
    return this.#publishing.run(async () => {
      await this.#publish(this.list()).catch((error: unknown) => {
        throw new AppError("unavailable", "The list of SSH keys is stored, but sshd cannot be told.", {
          hint: "Is the disk full? It is told again with the next change, and when the platform starts.",
          cause: error,
        });
      });
    });
  }
}

/** As `ssh-keygen -l` shows it. */
export function fingerprintOf(blob: Uint8Array): string {
  return `SHA256:${createHash("sha256").update(blob).digest("base64").replace(/=+$/, "")}`;
}

function useOf(about: AccessKey): KeyUse {
  return { about, onRevoked: new Set() };
}

function noKey(which: string): AppError {
  return new AppError("not_found", "Couldn't find that key.", {
    hint: `There is no key ${JSON.stringify(which.slice(0, 60))}; \`git heroku keys\` lists them.`,
    resource: "key",
  });
}

/** Whose it is is nobody's business. */
function somebodyElses(fingerprint: string): AppError {
  return new AppError("conflict", `The key ${fingerprint} is another person's already.`, {
    hint: "Each person needs a key of their own: ssh-keygen -t ed25519",
  });
}

function tooMany(): AppError {
  return new AppError("invalid_params", `There are ${String(KEYS_MAX)} keys already.`, {
    hint: "Remove some with: git heroku keys:remove FINGERPRINT",
  });
}
