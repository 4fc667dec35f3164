/** Constant load on an app of the fixture `echo`: connections that are kept, new ones, bodies, slow requests, and one
 *  WebSocket. Every request has a path of its own, by which it is found in the log. */
import { once } from "node:events";
import { Agent, request as httpRequest } from "node:http";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

export interface LoadReport {
  /** Paths of the requests that were answered in full, with 200 and as the app answers. */
  answered: string[];
  /** What the others came to. */
  failures: string[];
}

interface Kind {
  readonly name: string;
  readonly method: "GET" | "POST";
  readonly keptAlive: boolean;
}

const KINDS: readonly Kind[] = [
  { name: "kept", method: "GET", keptAlive: true },
  { name: "new", method: "GET", keptAlive: false },
  { name: "post", method: "POST", keptAlive: true },
  { name: "slow", method: "GET", keptAlive: true },
];
const WORKERS_OF_EACH = 2;
/** As a client would: a port where nobody listens refuses thousands of times a second. */
const AFTER_FAILURE_MS = 20;
const BODY = "x".repeat(20_000);

export class Load {
  readonly report: LoadReport = { answered: [], failures: [] };
  private readonly port: number;
  private readonly host: string;
  private readonly agent = new Agent({ keepAlive: true });
  private readonly workers: Promise<void>[];
  private isOver = false;
  private sent = 0;
  private onAnswered: () => void = () => undefined;

  constructor(port: number, app: string) {
    this.port = port;
    this.host = `${app}.localhost`;
    this.workers = KINDS.flatMap((kind) => Array.from({ length: WORKERS_OF_EACH }, () => this.work(kind)));
  }

  /** Resolves when so many more requests have been answered. */
  async goOn(count: number): Promise<void> {
    const target = this.report.answered.length + count;
    while (this.report.answered.length < target) {
      await new Promise<void>((resolve) => {
        this.onAnswered = resolve;
      });
    }
  }

  /** Lets the last requests come to their end. */
  async stop(): Promise<LoadReport> {
    this.isOver = true;
    await Promise.all(this.workers);
    this.agent.destroy();
    return this.report;
  }

  private async work(kind: Kind): Promise<void> {
    while (!this.isOver) {
      this.sent += 1;
      const path = `/${kind.name}/${String(this.sent)}`;
      const failure = await this.send(kind, path).catch((error: Error) => error.message);
      if (failure === undefined) {
        this.report.answered.push(path);
        this.onAnswered();
      } else {
        this.report.failures.push(`${path} ${failure}`);
        await sleep(AFTER_FAILURE_MS);
      }
    }
  }

  private async send({ method, keptAlive }: Kind, path: string): Promise<string | undefined> {
    const request = httpRequest({
      host: "127.0.0.1",
      port: this.port,
      method,
      path,
      agent: keptAlive ? this.agent : false,
      headers: { host: this.host },
    });
    const body = method === "POST" ? BODY : "";
    const answered = new Promise<string>((resolve, reject) => {
      request.once("error", reject);
      request.once("response", (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
        response.once("error", reject);
        response.once("end", () => resolve(`${String(response.statusCode)} ${text}`));
      });
    });
    request.end(body);
    const answer = await answered;
    return answer === `200 ${String(body.length)} bytes` ? undefined : answer;
  }
}

/** A WebSocket whose other end sends back what it gets. */
export class EchoSocket {
  private readonly socket: Socket;
  private received = "";
  private count = 0;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding("latin1");
    socket.on("data", (chunk: string) => (this.received += chunk));
    socket.on("error", () => undefined);
  }

  static async open(port: number, app: string): Promise<EchoSocket> {
    const echo = new EchoSocket(connect(port, "127.0.0.1"));
    echo.socket.write(
      `GET /socket HTTP/1.1\r\nHost: ${app}.localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    );
    await echo.until("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n");
    return echo;
  }

  /** Sends one frame and waits for it to come back. */
  async ping(): Promise<void> {
    this.count += 1;
    const text = `ping ${String(this.count)};`;
    // A masked text frame; the mask is nothing, so that the text can be read.
    this.socket.write(Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)]));
    await this.until(text);
  }

  close(): void {
    this.socket.destroy();
  }

  private async until(text: string): Promise<void> {
    while (!this.received.includes(text)) {
      if (this.socket.destroyed) throw new Error(`The socket was closed before ${JSON.stringify(text)}.`);
      await Promise.race([once(this.socket, "data"), once(this.socket, "close")]);
    }
  }
}
