/** The daemon's end of one router process: questions with their answers, and events. */
import { connect, type Socket } from "node:net";
import { readLines } from "./line-socket.ts";
import {
  formatCall,
  parseNotice,
  type RouterEvent,
  type RouterHello,
  type RouterReply,
  type RouterRequest,
  type RouterResults,
  WIRE_VERSION,
} from "./wire.ts";

interface Question {
  readonly resolve: (result: never) => void;
  readonly reject: (error: Error) => void;
}

/** One that says nothing for so long is ended, so that no machine may be too busy to let a good one answer in this time. */
const HELLO_TIMEOUT_MS = 20_000;

/** The router has ended, or the conversation with it. */
export class RouterGone extends Error {
  override readonly name = "RouterGone";
}

/** It takes connections but does not answer. */
export class RouterSilent extends Error {
  override readonly name = "RouterSilent";
}

export class RouterLink {
  /** Resolves when the router has ended or `close` was called. */
  readonly closed: Promise<void>;
  onEvent: (event: RouterEvent) => void = () => undefined;
  /** It has handed its socket over, or was told to drain. */
  isLeaving = false;
  private readonly socket: Socket;
  private readonly questions = new Map<number, Question>();
  private asked = 0;
  private greeting: RouterHello | undefined;

  private constructor(socket: Socket) {
    this.socket = socket;
    this.closed = new Promise((resolve) => {
      socket.once("close", () => {
        for (const { reject } of this.questions.values()) reject(new RouterGone("The router has ended."));
        this.questions.clear();
        resolve();
      });
    });
    socket.on("error", () => undefined);
    readLines(socket, (line) => this.hear(line));
  }

  /** @throws RouterSilent, RouterGone; node's error when nobody listens */
  static async open(path: string): Promise<RouterLink> {
    const socket = connect(path);
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", reject);
    });
    const link = new RouterLink(socket);
    let isLate = false;
    const late = setTimeout(() => {
      isLate = true;
      socket.destroy();
    }, HELLO_TIMEOUT_MS);
    try {
      link.greeting = await link.ask({ op: "hello", wire: WIRE_VERSION });
      link.isLeaving = link.greeting.phase === "draining";
      return link;
    } catch (error) {
      throw isLate ? new RouterSilent("The router does not answer.") : error;
    } finally {
      clearTimeout(late);
    }
  }

  /** What it said when the conversation began. */
  get hello(): RouterHello {
    if (this.greeting === undefined) throw new Error("hello before the hello");
    return this.greeting;
  }

  /** Requests arrive in the order of the calls.
   *  @throws RouterGone; Error when the router refuses */
  ask<Request extends RouterRequest>(request: Request): Promise<RouterResults[Request["op"]]> {
    return new Promise((resolve, reject) => {
      if (!this.socket.writable) {
        reject(new RouterGone("The router has ended."));
        return;
      }
      this.asked += 1;
      this.questions.set(this.asked, { resolve, reject });
      this.socket.write(formatCall({ id: this.asked, request }));
    });
  }

  private hear(line: string): void {
    try {
      const notice = parseNotice(line);
      if ("event" in notice) this.onEvent(notice);
      else this.settle(notice);
    } catch {
      this.socket.destroy();
    }
  }

  private settle(reply: RouterReply): void {
    const question = this.questions.get(reply.id);
    this.questions.delete(reply.id);
    if ("error" in reply) question?.reject(new Error(reply.error));
    else question?.resolve(reply.ok as never);
  }

  /** The router goes on. */
  close(): void {
    this.socket.destroy();
  }
}
