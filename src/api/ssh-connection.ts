/** The input and output of an ssh program as one connection, as node:http wants it. When ssh ends before anything has
 *  come, the connection fails with what ssh, or the platform's end of it, has said. */
import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { Duplex } from "node:stream";
import { AppError } from "../core/error.ts";

/** The platform's end is there and its daemon is not (hooks/ssh-command). */
const NOT_RUNNING = 75;
/** ssh itself has failed. */
const SSH_FAILED = 255;
const WORDS_LENGTH_MAX = 8_000;
/** How the platform's end begins a line for people. */
const OUR_LINE = /^ ! {4,5}(.+)$/gm;

export class SshConnection extends Duplex {
  readonly #ssh: ChildProcessWithoutNullStreams;
  readonly #destination: string;
  #words = "";
  #hasAnswered = false;

  constructor(ssh: ChildProcessWithoutNullStreams, destination: string) {
    super({ allowHalfOpen: true });
    this.#ssh = ssh;
    this.#destination = destination;
    ssh.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#words = (this.#words + text).slice(-WORDS_LENGTH_MAX);
    });
    ssh.stdout.on("data", (chunk) => {
      this.#hasAnswered = true;
      if (!this.push(chunk)) ssh.stdout.pause();
    });
    // A question that could not be written is answered by how ssh ends.
    ssh.stdin.on("error", () => undefined);
    ssh.on("error", (error) => this.destroy(error));
    ssh.on("close", (status) => this.#end(status ?? SSH_FAILED));
  }

  override _read(): void {
    this.#ssh.stdout.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (this.#ssh.stdin.destroyed) done();
    else this.#ssh.stdin.write(chunk, () => done());
  }

  override _final(done: () => void): void {
    this.#ssh.stdin.end(() => done());
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#ssh.stdin.destroy();
    this.#ssh.stdout.destroy();
    this.#ssh.stderr.destroy();
    this.#ssh.kill();
    done(error);
  }

  /** What node:http asks of a socket. An unused connection must not keep the program from ending. */
  ref(): this {
    for (const part of this.#parts()) part.ref();
    return this;
  }
  unref(): this {
    for (const part of this.#parts()) part.unref();
    return this;
  }
  setKeepAlive = (): this => this;
  setNoDelay = (): this => this;
  setTimeout = (): this => this;

  #parts(): { ref(): unknown; unref(): unknown }[] {
    const { stdin, stdout, stderr } = this.#ssh;
    // The pipes of a child are sockets.
    return [this.#ssh, ...([stdin, stdout, stderr] as unknown as { ref(): unknown; unref(): unknown }[])];
  }

  #end(status: number): void {
    if (this.#hasAnswered) this.push(null);
    else this.destroy(this.#failure(status));
  }

  #failure(status: number): AppError {
    const [message, hint] = [...this.#words.matchAll(OUR_LINE)].map((match) => match[1] ?? "");
    if (message !== undefined)
      return new AppError(status === NOT_RUNNING ? "unavailable" : "forbidden", message, { hint });
    const lines = this.#words.split(/\r?\n/).filter((line) => line.trim() !== "");
    const last = lines.at(-1) ?? `it ended with status ${String(status)}`;
    const isRefused = status !== SSH_FAILED || /denied|verification failed/i.test(last);
    return new AppError(isRefused ? "forbidden" : "unavailable", `ssh to ${this.#destination}: ${last}`, {
      hint: isRefused ? "Has your key been added? On the platform: git heroku keys:add" : "Is it reachable from here?",
    });
  }
}
