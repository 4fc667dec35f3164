/** One `git http-backend` for one request (git-http-backend(1), a CGI program): what it is given, what it answers, and when it
 *  ends. Its environment is made from nothing: of what the client says only the protocol's version gets there. */
import { spawn, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { PassThrough, type Readable, type Writable } from "node:stream";
import { AppError } from "../core/error.ts";
import type { Person } from "../core/person.ts";

export interface BackendOrder {
  /** The directory of all repositories, and the name of one in it. */
  repos: string;
  repo: string;
  by: Person;
  /** By which the hooks tell the daemon whom they come for. */
  session: string;
  /** PATH and HOME of the daemon. */
  env: { PATH: string; HOME: string };
  method: string;
  /** Such as `/git-receive-pack`. */
  path: string;
  query: string;
  contentType: string | undefined;
  /** The header `Git-Protocol`. */
  protocol: string | undefined;
  /** Bytes of a pack. */
  packBytesMax: number;
  /** Whether its work goes on when the client leaves after everything was sent. */
  detaches: boolean;
}

export interface BackendAnswer {
  status: number;
  headers: Record<string, string>;
  output: Readable;
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

const HEAD_BYTES_MAX = 16 * 1024;
const LAST_WORDS_BYTES_MAX = 2_000;
const PROTOCOL = /^[\w=:.-]{1,200}$/;

export class GitBackend {
  readonly #child: Child;
  readonly #order: BackendOrder;
  #hasAllInput = false;
  #lastWords = "";
  /** Resolves when the process is gone. Never rejects. */
  readonly ended: Promise<void>;

  constructor(order: BackendOrder) {
    this.#order = order;
    const settings = [
      "http.receivePack=true",
      "http.getAnyFile=false",
      `receive.maxInputSize=${String(order.packBytesMax)}`,
    ];
    const args = [...settings.flatMap((setting) => ["-c", setting]), "http-backend"];
    this.#child = spawn("git", args, {
      cwd: order.repos,
      env: environmentOf(order),
      stdio: ["pipe", "pipe", "pipe"],
      // A group of its own, so that nothing of it is left when it is ended.
      detached: true,
    });
    this.ended = new Promise((resolve) => this.#child.once("error", () => resolve()).once("close", () => resolve()));
    this.#child.stdin.on("error", () => undefined);
    this.#child.stderr.on("data", (bytes: Buffer) => {
      this.#lastWords = (this.#lastWords + bytes.toString("utf8")).slice(-LAST_WORDS_BYTES_MAX);
    });
  }

  /** What it had to complain about. */
  get lastWords(): string {
    return this.#lastWords;
  }

  /** Resolves when it can take more; what it no longer takes is lost. */
  async write(bytes: Buffer): Promise<void> {
    const { stdin } = this.#child;
    if (!stdin.writable || stdin.write(bytes)) return;
    await Promise.race([once(stdin, "drain").catch(() => undefined), this.ended]);
  }

  endInput(): void {
    this.#hasAllInput = true;
    this.#child.stdin.end();
  }

  /** @throws AppError unavailable when it says nothing that is an answer */
  async answer(): Promise<BackendAnswer> {
    const { stdout } = this.#child;
    let bytes: Buffer = Buffer.alloc(0);
    for await (const chunk of stdout.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      bytes = Buffer.concat([bytes, chunk]);
      if (bytes.includes("\r\n\r\n") || bytes.length > HEAD_BYTES_MAX) break;
    }
    const end = bytes.indexOf("\r\n\r\n");
    if (end === -1) throw new AppError("unavailable", "git did not answer.", { hint: "Try again in a moment." });
    const { status, headers } = parseHead(bytes.toString("latin1", 0, end));
    if (bytes.length > end + 4) stdout.unshift(bytes.subarray(end + 4));
    return { status, headers, output: this.#relay() };
  }

  /** Ends it with all that it has started. */
  kill(): void {
    const { pid, exitCode, signalCode } = this.#child;
    if (pid === undefined || exitCode !== null || signalCode !== null) return;
    try {
      process.kill(-pid, "SIGTERM");
    } catch {
      // It has gone by itself.
    }
  }

  /** Nobody waits for the answer any more. */
  leave(): void {
    const { stdout } = this.#child;
    if (!this.#order.detaches || !this.#hasAllInput) return this.kill();
    // A process that writes to a closed pipe would be killed by that.
    stdout.unpipe();
    stdout.resume();
  }

  #relay(): Readable {
    const output = new PassThrough();
    output.on("error", () => undefined).on("close", () => this.leave());
    this.#child.stdout.on("error", () => output.destroy()).pipe(output);
    return output;
  }
}

function environmentOf(order: BackendOrder): Record<string, string> {
  const { by, protocol } = order;
  return {
    ...order.env,
    LC_ALL: "C.UTF-8",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_PROJECT_ROOT: order.repos,
    GIT_HTTP_EXPORT_ALL: "1",
    ...(protocol !== undefined && PROTOCOL.test(protocol) && { GIT_PROTOCOL: protocol }),
    GIT_COMMITTER_NAME: by.name,
    GIT_COMMITTER_EMAIL: by.email,
    GIT_HEROKU_SESSION: order.session,
    REMOTE_USER: by.email,
    REQUEST_METHOD: order.method,
    PATH_INFO: `/${order.repo}${order.path}`,
    QUERY_STRING: order.query,
    ...(order.contentType !== undefined && { CONTENT_TYPE: order.contentType }),
  };
}

function parseHead(text: string): { status: number; headers: Record<string, string> } {
  const headers: Record<string, string> = {};
  for (const line of text.split("\r\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
  const { status = "200", ...rest } = headers;
  return { status: Number.parseInt(status, 10) || 500, headers: rest };
}
