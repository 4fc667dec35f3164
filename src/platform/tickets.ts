/** Tickets: what a URL is for and until when, under a code that only this platform can make. Heroku's clients send no token
 *  to the addresses of a log session, an output or an upload, so whoever has such a URL may use it, and nobody can guess
 *  one (HMAC-SHA-256, RFC 2104). They are good across restarts of the daemon. */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { createDurably, readIfThere } from "../ledger/durable-file.ts";
import type { Bearer } from "./visitor.ts";

/** What a ticket opens. Times are milliseconds since the epoch. */
interface TicketFacts {
  log: {
    id: string;
    /** An id. */
    app: string;
    /** When it was made. */
    at: number;
    lines: number;
    tail: boolean;
    ps: string | null;
    source: "app" | "heroku" | null;
    bearer: Bearer;
  };
  /** Of a build, or else of a release. */
  output: { app: string; until: number; bearer: Bearer } & ({ build: string } | { version: number });
  upload: { id: string; until: number };
  source: { id: string; until: number };
}

type Purpose = keyof TicketFacts;
export type WriteTicket = <P extends Purpose>(purpose: P, facts: TicketFacts[P]) => string;

const FORM = /^([\w-]{1,2000})\.([\w-]{43})$/;

export class Tickets {
  readonly #path: string;
  #key: Promise<Buffer> | undefined;

  /** @param path of the key, which is made when it is first needed */
  constructor(path: string) {
    this.#path = path;
  }

  async writer(): Promise<WriteTicket> {
    const key = await this.#open();
    return (purpose, facts) => {
      const body = Buffer.from(JSON.stringify({ for: purpose, ...facts })).toString("base64url");
      return `${body}.${codeOf(key, body)}`;
    };
  }

  /** Undefined for what this platform has not written, or for something else. */
  async read<P extends Purpose>(purpose: P, ticket: string): Promise<TicketFacts[P] | undefined> {
    const [, body, code] = FORM.exec(ticket) ?? [];
    if (body === undefined || code === undefined) return undefined;
    const expected = codeOf(await this.#open(), body);
    if (!timingSafeEqual(Buffer.from(code), Buffer.from(expected))) return undefined;
    const facts = JSON.parse(Buffer.from(body, "base64url").toString("utf8")) as TicketFacts[P] & { for: Purpose };
    return facts.for === purpose ? facts : undefined;
  }

  #open(): Promise<Buffer> {
    this.#key ??= openKey(this.#path);
    return this.#key;
  }
}

function codeOf(key: Buffer, body: string): string {
  return createHmac("sha256", key).update(body).digest("base64url");
}

async function openKey(path: string): Promise<Buffer> {
  await createDurably(path, `${randomBytes(32).toString("hex")}\n`, 0o600);
  return Buffer.from(((await readIfThere(path)) ?? "").trim(), "hex");
}
