/** A way to a platform over which HTTP is spoken: the unix socket of a home on this machine, or an SSH session. */
import type { IncomingHttpHeaders } from "node:http";
import type { Duplex, Readable } from "node:stream";
import type { RawAnswer, RawQuestion } from "./short-exchange.ts";

/** An answer that is a stream, behind its head. */
export interface StreamedAnswer extends Readable {
  statusCode?: number | undefined;
  headers: IncomingHttpHeaders;
  /** Instead of reading the stream: its bytes in pieces that are good until the next is asked for, where that saves copies. */
  lend?(): AsyncIterable<Buffer>;
}

export interface Line {
  /** A whole answer.
   *  @throws Unreachable when it is certain that nothing was asked, or an AppError */
  ask(question: RawQuestion): Promise<RawAnswer>;
  /** An answer that is a stream, to a question that may be one. */
  send(question: RawQuestion, stream?: Readable): Promise<StreamedAnswer>;
  /** The connection of an attached one-off process.
   *  @throws AppError when it is refused */
  upgrade(path: string): Promise<Duplex>;
}

/** Nobody listens. */
export class Unreachable extends Error {}
