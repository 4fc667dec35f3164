/** A person at a real terminal: a program with a pseudo-terminal of its own, what it shows, and what is typed. The terminal
 *  is made by the product's relay, whose other side this is. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { encodeFrame, FRAME, FrameReader, type TerminalSize } from "../../src/core/run-frames.ts";
import { relayWords } from "../../src/formation/relay-program.ts";
import { findSystemCalls } from "../../src/formation/system-calls.ts";
import type { TestContext } from "./suite.ts";

export interface TerminalOrder extends TerminalSize {
  command: string;
  args: string[];
  cwd: string;
  env: Record<string, string>;
}

/** Undefined where there is a terminal to be had. */
export const MISSING_TERMINAL =
  (await findSystemCalls()) === undefined ? "perl, on Linux on x86-64 or arm64" : undefined;

export class TestTerminal {
  readonly pid: number;
  /** The exit status, when all is shown. */
  readonly ended: Promise<number>;
  shown = "";
  readonly #socket: Socket;
  #look = (): void => undefined;

  static async open(t: TestContext, { command, args, cwd, env, ...terminal }: TerminalOrder): Promise<TestTerminal> {
    const calls = await findSystemCalls();
    if (calls === undefined) throw new Error("This machine has no terminal for tests.");
    const path = join(await t.tempDir(), "socket");
    const server = createServer().listen(path);
    await once(server, "listening");
    const accepted = once(server, "connection") as Promise<[Socket]>;
    const far = connect(path);
    const [near] = await accepted;
    server.close();
    const words = relayWords(calls, { terminal, hangUpMs: 1_000, exitTimeoutMs: 1_000 });
    const child = spawn(words[0] ?? "", [...words.slice(1), command, ...args], {
      cwd,
      env: { TERM: "dumb", ...env },
      stdio: [far, "ignore", "inherit"],
    });
    const ended = once(child, "exit") as Promise<[number]>;
    far.destroy();
    const made = new TestTerminal(child.pid ?? 0, near, ended);
    t.after(async () => {
      near.destroy();
      await ended;
    });
    return made;
  }

  private constructor(pid: number, socket: Socket, ended: Promise<[number]>) {
    this.pid = pid;
    this.#socket = socket;
    const all = this.#show();
    this.ended = Promise.all([ended, all]).then(([[status]]) => status);
    this.ended.catch(() => undefined);
  }

  async #show(): Promise<void> {
    const reader = new FrameReader();
    for await (const chunk of this.#socket as AsyncIterable<Buffer>) {
      for (const { payload } of reader.read(chunk)) this.shown += Buffer.from(payload).toString("latin1");
      this.#look();
    }
  }

  /** Resolves when the text is shown, after what was waited for before. */
  async until(text: string): Promise<void> {
    while (!this.shown.includes(text)) {
      await new Promise<void>((resolve) => (this.#look = resolve));
    }
    this.shown = this.shown.slice(this.shown.indexOf(text) + text.length);
  }

  type(text: string): void {
    this.#socket.write(encodeFrame(FRAME.stdin, Buffer.from(text)));
  }

  resize({ columns, rows }: TerminalSize): void {
    this.#socket.write(encodeFrame(FRAME.size, Buffer.from(`${String(columns)} ${String(rows)}`)));
  }
}
