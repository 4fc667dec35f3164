/** The form of all SSH data (RFC 4251, section 5): numbers of four bytes, and strings with their length before them. */

/** Walks an SSH blob: numbers of four bytes, and strings with their length before them. What is too short reads as
 *  nothing and is never done. */
export class Fields {
  readonly #blob: Uint8Array;
  #at = 0;

  constructor(blob: Uint8Array | undefined) {
    this.#blob = blob ?? new Uint8Array();
  }

  get isDone(): boolean {
    return this.#at === this.#blob.length;
  }

  number(): number {
    return this.#take(4).reduce((sum, byte) => sum * 256 + byte, 0);
  }

  bytes(): Uint8Array {
    return this.#take(this.number());
  }

  text(): string {
    return latin1(this.bytes());
  }

  raw(length: number): string {
    return latin1(this.#take(length));
  }

  #take(length: number): Uint8Array {
    const end = this.#at + length;
    // Beyond the end, so that it cannot count as done.
    const taken = end > this.#blob.length ? new Uint8Array() : this.#blob.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

export function encodeBase64(bytes: Uint8Array): string {
  return btoa(latin1(bytes));
}

/** Undefined unless it is the one way to write these bytes.
 *  @param lengthMax of the text: what is longer is not even looked at */
export function decodeBase64(text: string, lengthMax: number): Uint8Array | undefined {
  if (text.length > lengthMax) return undefined;
  try {
    const binary = atob(text);
    if (btoa(binary) !== text) return undefined;
    const bytes = new Uint8Array(binary.length);
    for (let at = 0; at < bytes.length; at += 1) bytes[at] = binary.charCodeAt(at);
    return bytes;
  } catch {
    return undefined;
  }
}
