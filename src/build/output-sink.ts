/** Where the two outputs of a tool go. */
export interface OutputSink {
  /** One of a tool's outputs: bytes in as they come; `end` when there are no more. */
  stream(): { write(bytes: Buffer): void; end(): void };
}

/** What the platform itself reads of a program's output, and no more of it. */
export class Captured implements OutputSink {
  readonly #bytesMax: number;
  readonly #parts: Buffer[] = [];
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  stream(): { write(bytes: Buffer): void; end(): void } {
    return {
      write: (bytes) => {
        this.#bytes += bytes.length;
        if (this.#bytes <= this.#bytesMax) this.#parts.push(bytes);
      },
      end: () => undefined,
    };
  }

  /** More was written than is kept: then `text` is not all of it. */
  get isCut(): boolean {
    return this.#bytes > this.#bytesMax;
  }

  get text(): string {
    return Buffer.concat(this.#parts).toString("utf8");
  }
}
