/** What a build tool prints, made fit for a push: whole lines, 7 spaces before each, no control characters but
 *  colours, and no more of it than a person would read. */
import { StringDecoder } from "node:string_decoder";
import type { OutputSink } from "./output-sink.ts";

/** Of one build, all tools together. */
const SHOWN_BYTES_MAX = 1024 * 1024;
const LINE_LENGTH_MAX = 2_000;
const INDENT = "       ";

export class ToolOutput implements OutputSink {
  readonly #output: (text: string) => void;
  readonly #indent: string;
  #shownBytes = 0;
  #hiddenBytes = 0;

  /** @param indent what stands before each line; a buildpack sets its lines out by itself. */
  constructor(output: (text: string) => void, indent: string = INDENT) {
    this.#output = output;
    this.#indent = indent;
  }

  /** One of a tool's outputs: bytes in as they come, lines out; `end` shows an unfinished last line. */
  stream(): { write(bytes: Buffer): void; end(): void } {
    const decoder = new StringDecoder("utf8");
    let rest = "";
    return {
      write: (bytes) => {
        if (this.#isFull) {
          this.#hiddenBytes += bytes.length;
          return;
        }
        const lines = (rest + decoder.write(bytes)).split("\n");
        rest = (lines.pop() ?? "").slice(-LINE_LENGTH_MAX);
        for (const line of lines) this.#show(line);
      },
      end: () => {
        rest += decoder.end();
        if (rest !== "") this.#show(rest);
        rest = "";
      },
    };
  }

  /** Tells what was left out. */
  end(): void {
    if (this.#hiddenBytes > 0) this.#output(`${INDENT}(${String(this.#hiddenBytes)} more bytes are not shown)\n`);
    this.#hiddenBytes = 0;
  }

  get #isFull(): boolean {
    return this.#shownBytes > SHOWN_BYTES_MAX;
  }

  #show(line: string): void {
    const text = `${this.#indent}${cleanLine(line)}`.trimEnd();
    if (this.#isFull) {
      this.#hiddenBytes += Buffer.byteLength(line) + 1;
      return;
    }
    this.#shownBytes += Buffer.byteLength(text) + 1;
    this.#output(`${text}\n`);
  }
}

/** A progress bar redraws its line after `\r`: only the last drawing stays. Colours (SGR) stay too. */
export function cleanLine(line: string): string {
  const drawn = line.trimEnd().split("\r").at(-1) ?? "";
  return drawn
    .slice(0, LINE_LENGTH_MAX)
    .replace(/\u001b\[([0-9;?]*)([@-~])/g, (all, codes: string, end) =>
      end === "m" && !codes.includes("?") ? all : "",
    )
    .replace(/\u001b\][^\u0007\u001b]*(\u0007|\u001b\\)?/g, "")
    .replace(/\u001b(?!\[[0-9;]*m)|[\u0000-\u0008\u000b-\u001a\u001c-\u001f\u007f-\u009f]/g, "");
}
