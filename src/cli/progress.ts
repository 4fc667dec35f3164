/** How far something long is, over what was said last; only where standard error is a terminal, and not before it has
 *  taken a moment. */
import { formatBytes } from "../core/byte-size.ts";
import type { Terminal } from "./terminal.ts";

const FIRST_MS = 500;
const EACH_MS = 200;

export class ByteProgress {
  private readonly out: Terminal;
  private readonly what: string;
  private bytes = 0;
  private sayAt = performance.now() + FIRST_MS;
  private hasSpoken = false;

  constructor(out: Terminal, what: string) {
    this.out = out;
    this.what = what;
  }

  /** @param detail such as where it is. */
  add(bytes: number, detail?: () => string): void {
    this.bytes += bytes;
    const now = performance.now();
    if (now < this.sayAt) return;
    this.sayAt = now + EACH_MS;
    this.hasSpoken = true;
    const more = detail === undefined ? "" : `, ${detail()}`;
    this.out.progress(`${this.what} ${formatBytes(this.bytes)}${more}`);
  }

  end(): void {
    if (this.hasSpoken) this.out.progress();
  }
}
