/** The line to a platform over SSH: HTTP on the input and output of `ssh HOST git-heroku-api`, where the key says who asks. One
 *  session serves a whole command, one question after the other; only a question beside an open stream takes another.
 *  ssh is started as git starts it (git(1), GIT_SSH_COMMAND). */
import { spawn } from "node:child_process";
import type { Agent, IncomingMessage, RequestOptions } from "node:http";
import { Duplex, type Readable } from "node:stream";
import { AppError } from "../core/error.ts";
import type { SshPlace } from "../core/platform-address.ts";
import { readAll, stoppedMidway } from "./exchange.ts";
import type { Environment } from "./home.ts";
import type { Line } from "./line.ts";
import { ANSWER_BYTES_MAX, type RawAnswer, type RawQuestion } from "./short-exchange.ts";
import { SshConnection } from "./ssh-connection.ts";
import { upgradeBy } from "./upgrade.ts";

export interface SshProgram {
  place: SshPlace;
  /** Words for a shell, to which options, destination and command are added: `ssh`, or what git is told to use. */
  command: string;
  env: Environment;
}

const SERVICE = "git-heroku-api";

export function sshLine(program: SshProgram): Line {
  let agent: Promise<Agent> | undefined;
  const way = async (): Promise<RequestOptions> => ({ agent: await (agent ??= openAgent(program)) });
  return {
    ask: async (question) => ask(await way(), question),
    send: async (question, stream) => send(await way(), question, stream),
    upgrade: async (path) => explained(upgradeBy(await way(), path)),
  };
}

async function openAgent(program: SshProgram): Promise<Agent> {
  const { Agent: HttpAgent } = await import("node:http");
  const agent = new HttpAgent({ keepAlive: true });
  agent.createConnection = () => startSsh(program);
  return agent;
}

function startSsh({ place: { destination, port }, command, env }: SshProgram): Duplex {
  // Ctrl-C is for this program to answer; ssh ends with it all the same, when its input does.
  const script = `trap '' INT QUIT; ${command} "$@"`;
  const options = ["-T", ...(port === undefined ? [] : ["-p", port])];
  return new SshConnection(
    spawn("/bin/sh", ["-c", script, "ssh", ...options, destination, SERVICE], {
      env: { ...env },
      stdio: ["pipe", "pipe", "pipe"],
    }),
    destination,
  );
}

async function ask(way: RequestOptions, question: RawQuestion): Promise<RawAnswer> {
  const response = await send(way, question);
  const body = await readAll(response, ANSWER_BYTES_MAX);
  return { status: response.statusCode ?? 0, headers: {}, body };
}

async function send(way: RequestOptions, question: RawQuestion, stream?: Readable): Promise<IncomingMessage> {
  const { request } = await import("node:http");
  const { method, path, headers, body, patienceMs } = question;
  return explained(
    new Promise((resolve, reject) => {
      const length = body === undefined ? {} : { "content-length": body.length };
      const outgoing = request({ ...way, method, path, headers: { host: "localhost", ...length, ...headers } });
      outgoing.on("response", resolve).on("error", reject);
      if (patienceMs !== undefined) outgoing.setTimeout(patienceMs, () => outgoing.destroy(tooLate()));
      if (stream === undefined) outgoing.end(body);
      else stream.on("error", (error) => outgoing.destroy(error)).pipe(outgoing);
    }),
  );
}

/** What ssh itself has failed with is an AppError already. */
async function explained<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw code === "ECONNRESET" || code === "EPIPE" ? stoppedMidway(error) : error;
  }
}

function tooLate(): AppError {
  return new AppError("unavailable", "The platform's answer takes too long.");
}
