/** Takes so many bytes at a time from the beginning of a stream, and then the rest as it comes. */
export class ByteReader {
  readonly #chunks: AsyncIterator<Buffer>;
  #buffer: Buffer = Buffer.alloc(0);
  /** How many were taken. */
  position = 0;

  constructor(stream: AsyncIterable<Buffer>) {
    this.#chunks = stream[Symbol.asyncIterator]();
  }

  /** Fewer than asked for at the end of the stream. */
  async take(size: number): Promise<Buffer> {
    while (this.#buffer.length < size) {
      const { value, done } = (await this.#chunks.next()) as IteratorResult<Buffer, undefined>;
      if (done === true || value === undefined) break;
      this.#buffer = Buffer.concat([this.#buffer, value]);
    }
    const taken = this.#buffer.subarray(0, size);
    this.#buffer = this.#buffer.subarray(size);
    this.position += taken.length;
    return taken;
  }

  async *rest(): AsyncIterable<Buffer> {
    yield this.#buffer;
    yield* { [Symbol.asyncIterator]: () => this.#chunks };
  }
}
