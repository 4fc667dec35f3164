/** The two streams of a command and the house's voice: results on standard output, complaints on standard error as
 *  ` !    message`. Colours and neutralised control characters only where the stream is a terminal. */
import type { AppError } from "../core/error.ts";
import { closeColours, neutralise } from "../core/terminal-text.ts";

export interface OutputStream {
  write(text: string | Uint8Array, onWritten?: () => void): boolean;
  once(event: "drain", listener: () => void): unknown;
  readonly isTTY?: boolean;
  /** Of a terminal, in characters. */
  readonly columns?: number;
  readonly rows?: number;
}

export type Colour = "red" | "green" | "yellow" | "blue" | "magenta" | "cyan";
const CODES: Record<Colour, number> = { red: 31, green: 32, yellow: 33, blue: 34, magenta: 35, cyan: 36 };

/** Whether texts are shown in UTF-8, as the locale has it; where there is none, nothing speaks against it. */
export function usesUnicode(env: Readonly<Record<string, string | undefined>>): boolean {
  const locale = [env["LC_ALL"], env["LC_CTYPE"], env["LANG"]].find((value) => (value ?? "") !== "");
  return locale === undefined || /utf-?8/i.test(locale);
}

interface Streams {
  stdout: OutputStream;
  stderr: OutputStream;
  env: Readonly<Record<string, string | undefined>>;
}

export class Terminal {
  /** Without colours. */
  static plain({ stdout, stderr, env }: Streams): Terminal {
    return new Terminal(stdout, stderr, { ...env, NO_COLOR: "1" });
  }

  /** With colours wherever it goes, whatever the environment says. */
  static coloured({ stdout, stderr, env }: Streams): Terminal {
    return new Terminal(stdout, stderr, env, true);
  }

  readonly #stdout: OutputStream;
  readonly #stderr: OutputStream;
  readonly #mayColour: boolean;
  readonly #mustColour: boolean;

  constructor(stdout: OutputStream, stderr: OutputStream, env: Streams["env"], mustColour = false) {
    this.#stdout = stdout;
    this.#stderr = stderr;
    this.#mustColour = mustColour;
    this.#mayColour = mustColour || ((env["NO_COLOR"] ?? "") === "" && env["TERM"] !== "dumb");
  }

  /** Writes as it stands, a slow reader is waited for. */
  async write(text: string): Promise<undefined> {
    const ready = this.#stdout.write(clean(this.#stdout, text, this.#mayColour));
    if (!ready) await new Promise<void>((resolve) => void this.#stdout.once("drain", resolve));
  }

  async line(text = ""): Promise<undefined> {
    await this.write(`${text}\n`);
  }

  /** For programs: bytes untouched even on a terminal. Resolves when they are written: their memory may be used again. */
  async data(bytes: string | Uint8Array): Promise<undefined> {
    await new Promise<void>((resolve) => void this.#stdout.write(bytes, () => resolve()));
  }

  async json(value: unknown): Promise<undefined> {
    await this.data(`${JSON.stringify(value, undefined, 2)}\n`);
  }

  /** Lines of a log: their own colours end with them. */
  async logLines(texts: readonly string[]): Promise<undefined> {
    await this.line((this.isColoured ? texts.map((text) => closeColours(text)) : texts).join("\n"));
  }

  get isTerminal(): boolean {
    return this.#stdout.isTTY === true;
  }

  get isColoured(): boolean {
    return this.#mustColour || (this.isTerminal && this.#mayColour);
  }

  paint(text: string, colour: Colour): string {
    if (!this.isColoured) return text;
    return `\u001b[${String(CODES[colour])}m${text}\u001b[0m`;
  }

  /** On standard error, each line of the text behind ` !    `. */
  warn(text: string): void {
    const prefix = this.#stderr.isTTY === true && this.#mayColour ? " \u001b[31m!\u001b[0m    " : " !    ";
    const lines = text.split("\n").map((line) => `${prefix}${line}\n`);
    this.#stderr.write(clean(this.#stderr, lines.join(""), this.#mayColour));
  }

  /** On standard error, as it stands. */
  note(text: string): void {
    this.#stderr.write(clean(this.#stderr, text, this.#mayColour));
  }

  /** How far something is, over what was said last; only where standard error is a terminal. Nothing clears it. */
  progress(text = ""): void {
    if (this.#stderr.isTTY === true) this.#stderr.write(`\r\u001b[K${neutralise(text, false)}`);
  }

  complain(error: AppError): void {
    this.warn(error.message);
    if (error.hint !== undefined) this.warn(error.hint);
  }

  /** Says what is being done while it is done: `Creating foobaz... done`. A subject that is only known afterwards is
   *  written with the result. What the work shows stands in between, on lines of its own. */
  async action<T>(what: string, work: (show: Show) => Promise<T>, said: ActionWords<T> = {}): Promise<T> {
    const begin = said.subject === undefined ? `${what}...` : what;
    await this.write(begin);
    let hasShown = false;
    const show = async (text: string): Promise<void> => {
      if (!hasShown) await this.line();
      hasShown = true;
      await this.write(text);
    };
    let result: T;
    try {
      result = await work(show);
      if (hasShown) await this.write(begin);
    } catch (error) {
      if (hasShown) await this.write(begin);
      await this.line(said.subject === undefined ? " failed" : "... failed");
      throw error;
    }
    const subject = said.subject === undefined ? "" : ` ${said.subject(result)}...`;
    await this.line(`${subject} ${said.done?.(result) ?? "done"}`);
    return result;
  }
}

/** Takes text of whole lines. */
type Show = (text: string) => Promise<void>;

export interface ActionWords<T> {
  subject?: (result: T) => string;
  /** What follows the dots: `done` unless told otherwise. */
  done?: (result: T) => string;
}

function clean(stream: OutputStream, text: string, colours: boolean): string {
  return stream.isTTY === true ? neutralise(text, colours) : text;
}
