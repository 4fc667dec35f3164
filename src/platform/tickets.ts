/** Tickets: what a URL is for and until when, under a code that only this platform can make. Heroku's clients send no token
 *  to the addresses of a log session, an output or an upload, so whoever has such a URL may use it, and nobody can guess
 *  one (HMAC-SHA-256, RFC 2104). They are good across restarts of the daemon. */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { createDurably, readIfThere } from "../ledger/durable-file.ts";
import type { Json } from "../core/json.ts";

const FORM = /^([\w-]{1,2000})\.([\w-]{43})$/;

export class Tickets {
  readonly #path: string;
  #key: Promise<Buffer> | undefined;

  /** @param path of the key, which is made when it is first needed */
  constructor(path: string) {
    this.#path = path;
  }

  async write(facts: { readonly [key: string]: Json }): Promise<string> {
    const key = await this.#open();
    return writeWith(key, facts);
  }

  /** For many at once. */
  async writer(): Promise<(facts: { readonly [key: string]: Json }) => string> {
    const key = await this.#open();
    return (facts) => writeWith(key, facts);
  }

  /** Undefined for what this platform has not written. */
  async read(ticket: string): Promise<{ readonly [key: string]: Json } | undefined> {
    const [, body, code] = FORM.exec(ticket) ?? [];
    if (body === undefined || code === undefined) return undefined;
    const expected = codeOf(await this.#open(), body);
    if (!timingSafeEqual(Buffer.from(code), Buffer.from(expected))) return undefined;
    return JSON.parse(Buffer.from(body, "base64url").toString("utf8")) as { readonly [key: string]: Json };
  }

  #open(): Promise<Buffer> {
    this.#key ??= openKey(this.#path);
    return this.#key;
  }
}

function writeWith(key: Buffer, facts: { readonly [key: string]: Json }): string {
  const body = Buffer.from(JSON.stringify(facts)).toString("base64url");
  return `${body}.${codeOf(key, body)}`;
}

function codeOf(key: Buffer, body: string): string {
  return createHmac("sha256", key).update(body).digest("base64url");
}

async function openKey(path: string): Promise<Buffer> {
  await createDurably(path, `${randomBytes(32).toString("hex")}\n`, 0o600);
  return Buffer.from(((await readIfThere(path)) ?? "").trim(), "hex");
}
