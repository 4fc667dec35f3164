/** Walks a ledger from its head to its first commit by first parents. Nothing but the bytes of the commits says what the
 *  chain is: no index, no commit-graph, no list that git has made. */
import type { Flaw } from "../core/finding.ts";
import { firstParentOf } from "../core/strict-commit.ts";
import type { ObjectSource } from "./object-source.ts";

const OID_BYTES = 20;
const FIRST_CAPACITY = 1024;
const SUBJECT = /^v([1-9][0-9]{0,8}): /;
const SUBJECT_BYTES = 12;
/** How many commits in a row may be no releases. */
const STRANGERS_MAX = 100;

/** Object ids, the first commit at 0, 20 bytes each. */
export class Chain {
  #bytes = Buffer.alloc(FIRST_CAPACITY * OID_BYTES);
  #count = 0;
  /** The parent of the first commit, where the walk could not go on. */
  missing: string | undefined;
  /** What stood in the way, if anything did. */
  flaw: Flaw | undefined;

  get length(): number {
    return this.#count;
  }

  /** Newest first. */
  push(oid: string): void {
    const end = (this.#count + 1) * OID_BYTES;
    if (end > this.#bytes.length) this.#bytes = Buffer.concat([this.#bytes, Buffer.alloc(this.#bytes.length)]);
    this.#bytes.write(oid, this.#count * OID_BYTES, "hex");
    this.#count += 1;
  }

  includes(oid: string): boolean {
    const wanted = Buffer.from(oid, "hex");
    const bytes = this.#bytes.subarray(0, this.#count * OID_BYTES);
    let at = bytes.indexOf(wanted);
    // Found between two ids, it is none.
    while (at >= 0 && at % OID_BYTES !== 0) at = bytes.indexOf(wanted, at + 1);
    return at >= 0;
  }

  /** The commit at a place; 0 is the first of the chain. */
  at(place: number): string | undefined {
    if (place < 0 || place >= this.#count) return undefined;
    const start = (this.#count - 1 - place) * OID_BYTES;
    return this.#bytes.toString("hex", start, start + OID_BYTES);
  }
}

/** Down to v1. What has left the ledger, as the history of code is, is not followed far. */
export function walkReleases(source: ObjectSource, head: string): Promise<Chain> {
  let strangers = 0;
  return walk(source, head, (data) => {
    const version = SUBJECT.exec(messageStart(data))?.[1];
    strangers = version === undefined ? strangers + 1 : 0;
    return version !== "1" && strangers < STRANGERS_MAX;
  });
}

export function walkAll(source: ObjectSource, head: string): Promise<Chain> {
  return walk(source, head, () => true);
}

async function walk(source: ObjectSource, head: string, goesOn: (data: Uint8Array) => boolean): Promise<Chain> {
  const chain = new Chain();
  let oid: string | undefined = head;
  for (let isGoingOn = true; oid !== undefined && isGoingOn;) {
    const found = await source.read(oid);
    if (!("data" in found)) {
      chain.flaw = found;
      break;
    }
    chain.push(oid);
    oid = firstParentOf(found.data);
    isGoingOn = goesOn(found.data);
  }
  chain.missing = oid;
  return chain;
}

function messageStart(data: Uint8Array): string {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const end = bytes.indexOf("\n\n");
  return end < 0 ? "" : bytes.toString("latin1", end + 2, end + 2 + SUBJECT_BYTES);
}
