/** The other end of a drain: real servers for HTTP, TCP and TLS, which do as a test wants. */
import {
  createServer as createHttp,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import { createServer as createTcp, type AddressInfo, type Server, type Socket } from "node:net";
import { createServer as createTls } from "node:tls";
import { CERTIFICATE, CERTIFICATE_KEY } from "../support/certificates.ts";
import type { TestContext } from "../support/suite.ts";
import { messagesIn, type Message } from "./messages.ts";

export interface Post {
  url: string;
  headers: IncomingHttpHeaders;
  body: Buffer;
  messages: Message[];
}

/** A status, with headers perhaps; or no answer at all. */
export type Answer = number | { status: number; headers: Record<string, string> } | "hang";

/** Wakes who waits whenever something has come. */
class Arrivals {
  readonly #waiting = new Set<() => void>();

  came(): void {
    for (const look of this.#waiting) look();
  }

  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!condition()) return void this.#waiting.add(look);
        this.#waiting.delete(look);
        resolve();
      };
      look();
    });
  }
}

export class HttpReceiver {
  readonly posts: Post[] = [];
  /** Those it has answered with 2xx. */
  readonly accepted: Post[] = [];
  readonly #hanging: { post: Post; response: ServerResponse }[] = [];
  /** What becomes of the next posts; the last one goes on. */
  answers: Answer[] = [200];
  readonly #arrivals = new Arrivals();
  readonly #server = createHttp((request, response) => void this.#receive(request, response));

  static async open(t: TestContext, port = 0): Promise<HttpReceiver> {
    const receiver = new HttpReceiver();
    await listen(t, receiver.#server, port);
    return receiver;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** What it has accepted, each frame once. */
  get messages(): string[] {
    const frames = new Map(this.accepted.map((post) => [post.headers["logplex-frame-id"], post.messages]));
    return [...frames.values()].flat().map(({ msg }) => msg);
  }

  /** Answers what it has left without an answer. */
  release(): void {
    for (const { post, response } of this.#hanging.splice(0)) {
      this.accepted.push(post);
      response.writeHead(200).end();
    }
  }

  until(condition: () => boolean): Promise<void> {
    return this.#arrivals.until(condition);
  }

  async got(text: string): Promise<void> {
    await this.until(() => this.messages.some((message) => message.includes(text)));
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const isFrame = request.headers["content-type"] === "application/logplex-1";
    const messages = isFrame ? messagesIn(body) : [];
    const post = { url: request.url ?? "", headers: request.headers, body, messages };
    this.posts.push(post);
    const answer = (this.answers.length > 1 ? this.answers.shift() : this.answers[0]) ?? 200;
    const { status, headers } = typeof answer === "object" ? answer : { status: Number(answer), headers: {} };
    if (status >= 200 && status < 300) this.accepted.push(post);
    if (answer === "hang") this.#hanging.push({ post, response });
    else response.writeHead(status, headers).end("thanks\n");
    this.#arrivals.came();
  }
}

export class SyslogReceiver {
  /** Of each connection, in order. */
  readonly connections: { socket: Socket; rest: Buffer; messages: string[] }[] = [];
  /** Whether it reads. */
  isReading = true;
  readonly #arrivals = new Arrivals();
  readonly #server: Server;

  private constructor(isEncrypted: boolean) {
    const accept = (socket: Socket): void => this.#accept(socket);
    this.#server = isEncrypted
      ? createTls({ cert: CERTIFICATE, key: CERTIFICATE_KEY }, accept)
      : createTcp({ pauseOnConnect: false }, accept);
  }

  static async open(t: TestContext, { isEncrypted = false, port = 0 } = {}): Promise<SyslogReceiver> {
    const receiver = new SyslogReceiver(isEncrypted);
    await listen(t, receiver.#server, port);
    return receiver;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** What each connection has brought, as whole messages. */
  get messages(): string[] {
    return this.connections.flatMap(({ messages }) => messages);
  }

  until(condition: () => boolean): Promise<void> {
    return this.#arrivals.until(condition);
  }

  async got(text: string): Promise<void> {
    await this.until(() => this.messages.some((message) => message.includes(text)));
  }

  /** Breaks every connection off, whatever is on its way. */
  reset(): void {
    for (const { socket } of this.connections) if (!socket.destroyed) socket.resetAndDestroy();
  }

  #accept(socket: Socket): void {
    const connection = { socket, rest: Buffer.alloc(0), messages: new Array<string>() };
    this.connections.push(connection);
    socket.on("error", () => undefined);
    if (!this.isReading) socket.pause();
    else
      socket.on("data", (chunk) => {
        const bytes = Buffer.concat([connection.rest, chunk]);
        const end = endOfMessages(bytes);
        connection.messages.push(...messagesIn(bytes.subarray(0, end)).map(({ msg }) => msg));
        connection.rest = bytes.subarray(end);
        this.#arrivals.came();
      });
    this.#arrivals.came();
  }
}

function endOfMessages(bytes: Buffer): number {
  for (let at = 0; ;) {
    const blank = bytes.indexOf(" ", at);
    const end = blank + 1 + Number(bytes.toString("latin1", at, blank));
    if (blank === -1 || end > bytes.length) return at;
    at = end;
  }
}

async function listen(t: TestContext, server: Server, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(port, "127.0.0.1", resolve);
  });
  const sockets = new Set<Socket>();
  let isClosing = false;
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    if (isClosing) socket.destroy();
  });
  // A drain comes back at once.
  t.after(async () => {
    isClosing = true;
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of sockets) socket.destroy();
    await closed;
  });
}
