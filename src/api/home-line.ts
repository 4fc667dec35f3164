/** The line to a platform on this machine: the unix socket of its home. Short questions go in HTTP/1.0, those with a stream for
 *  an answer in HTTP/1.1, and what is a stream itself over node:http; the global `fetch` costs 40 ms to start. */
import { createConnection } from "node:net";
import type { Duplex, Readable } from "node:stream";
import { AppError } from "../core/error.ts";
import { stoppedMidway, unreadable } from "./exchange.ts";
import { Unreachable, type Line, type StreamedAnswer } from "./line.ts";
import { askShortly, BrokenOff, NoAnswer, type RawAnswer, type RawQuestion } from "./short-exchange.ts";
import { askForStream } from "./stream-exchange.ts";
import { openSocketAddress } from "./socket-address.ts";
import { awaitUpgrade, UPGRADE_HEADERS } from "./upgrade.ts";

const NOBODY_THERE = new Set(["ENOENT", "ENOTDIR", "ECONNREFUSED", "ENOTSOCK"]);

export function homeLine(home: string): Line {
  return {
    ask: (question) => ask(home, question),
    send: (question, stream) => send(home, question, stream),
    upgrade: (path) => upgrade(home, path),
  };
}

async function upgrade(home: string, path: string): Promise<Duplex> {
  const { request } = await import("node:http");
  const address = openAddress(home);
  const headers = { host: "localhost", ...UPGRADE_HEADERS };
  try {
    return await awaitUpgrade(request({ createConnection: () => createConnection(address.path), path, headers }));
  } catch (error) {
    throw explain(error as NodeJS.ErrnoException);
  } finally {
    address.release();
  }
}

async function ask(home: string, question: RawQuestion): Promise<RawAnswer> {
  const address = openAddress(home);
  try {
    return await askShortly(address.path, question);
  } catch (error) {
    throw explain(error as NodeJS.ErrnoException);
  } finally {
    address.release();
  }
}

async function send(home: string, question: RawQuestion, stream?: Readable): Promise<StreamedAnswer> {
  if (stream !== undefined) return upload(home, question, stream);
  const address = openAddress(home);
  try {
    return await askForStream(address.path, question);
  } catch (error) {
    throw explain(error as NodeJS.ErrnoException);
  } finally {
    address.release();
  }
}

async function upload(home: string, { method, path, headers }: RawQuestion, stream: Readable): Promise<StreamedAnswer> {
  const { request } = await import("node:http");
  return new Promise((resolve, reject) => {
    const address = openAddress(home);
    const outgoing = request({
      // Without an agent: it would only work out a TLS server name, which takes 5 ms of regular expressions.
      createConnection: () => createConnection(address.path),
      method,
      path,
      headers: { host: "localhost", connection: "close", ...headers },
    });
    outgoing.on("response", resolve);
    outgoing.on("error", (error: NodeJS.ErrnoException) => reject(explain(error)));
    outgoing.on("close", () => address.release());
    stream.on("error", (error) => outgoing.destroy(error)).pipe(outgoing);
  });
}

function openAddress(home: string): ReturnType<typeof openSocketAddress> {
  try {
    return openSocketAddress(home);
  } catch (error) {
    throw explain(error as NodeJS.ErrnoException);
  }
}

function explain(error: NodeJS.ErrnoException): Error {
  if (NOBODY_THERE.has(error.code ?? "")) return new Unreachable(error.message, { cause: error });
  if (error.code === "EACCES") {
    return new AppError("forbidden", "This platform belongs to another user of this machine.", {
      hint: "Run the command as that user, or set GIT_HEROKU_HOME to a home of your own.",
    });
  }
  if (error instanceof NoAnswer) return unreadable(error);
  const isCut = error instanceof BrokenOff || error.code === "ECONNRESET" || error.code === "EPIPE";
  return isCut ? stoppedMidway(error) : error;
}
