/** What an audit keeps of each release it has seen: the ids of its commit and of what a rollback restores, 80 bytes, so
 *  that a hundred thousand releases fit into 8 MB. */

const OID_BYTES = 20;
const FIRST_CAPACITY = 256;

export class ReleaseRoll {
  /** What a rollback takes from its target, object for object. */
  static readonly RESTORED = ["code", "config.env", "Procfile"] as const;

  #bytes = new Uint8Array(FIRST_CAPACITY * recordBytes());
  #count = 0;
  /** The version of the first record; the others follow without a gap. */
  #first = 0;

  /** @param oids entry of the tree → object id. */
  add(version: number, oid: string, oids: ReadonlyMap<string, string>): void {
    if (this.#count === 0) this.#first = version;
    const at = this.#count * recordBytes();
    if (at + recordBytes() > this.#bytes.length) this.#grow();
    for (const [index, id] of [oid, ...ReleaseRoll.RESTORED.map((name) => oids.get(name))].entries()) {
      putHex(this.#bytes, at + index * OID_BYTES, id);
    }
    this.#count += 1;
  }

  /** Undefined when there was no such release. In a ledger with a gap the ids do not fit, which is what one looks for. */
  find(version: number): { oid: string; restored: ReadonlyMap<string, string> } | undefined {
    const index = version - this.#first;
    if (index < 0 || index >= this.#count) return undefined;
    const at = index * recordBytes();
    const ids = ReleaseRoll.RESTORED.map((name, n) => [name, readHex(this.#bytes, at + (n + 1) * OID_BYTES)] as const);
    const there = ids.filter((pair): pair is [(typeof pair)[0], string] => pair[1] !== undefined);
    return { oid: readHex(this.#bytes, at) ?? "", restored: new Map(there) };
  }

  #grow(): void {
    const larger = new Uint8Array(this.#bytes.length * 2);
    larger.set(this.#bytes);
    this.#bytes = larger;
  }
}

function recordBytes(): number {
  return OID_BYTES * (1 + ReleaseRoll.RESTORED.length);
}

function putHex(bytes: Uint8Array, at: number, hex: string | undefined): void {
  for (let index = 0; index < OID_BYTES; index += 1) {
    bytes[at + index] = hex === undefined ? 0 : Number.parseInt(hex.slice(2 * index, 2 * index + 2), 16);
  }
}

/** Nothing has the id of zeros. */
function readHex(bytes: Uint8Array, at: number): string | undefined {
  let hex = "";
  for (const byte of bytes.subarray(at, at + OID_BYTES)) hex += byte.toString(16).padStart(2, "0");
  return /[^0]/.test(hex) ? hex : undefined;
}
