/** A platform in this process with the TCP door open: requests with a token, and raw bytes on a socket. */
import { once } from "node:events";
import { request } from "node:http";
import { connect, type Socket } from "node:net";
import type { FastifyInstance } from "fastify";
import { createServer } from "../../src/server/server.ts";
import { TcpDoor } from "../../src/server/tcp-door.ts";
import { REQUEST_LIMITS, type RequestLimits } from "../../src/server/request-limits.ts";
import type { LabOptions } from "../platform/lab.ts";
import type { TestContext } from "../support/suite.ts";
import { control, openApi, type ApiAnswer, type ApiLab } from "./lab.ts";

export interface DoorLab extends ApiLab {
  port: number;
  /** Of Kate. */
  token: string;
  tokenId: string;
  /** Over TCP; with Kate's token unless another `authorization` is given, null for none. */
  tcp: (method: string, path: string, options?: TcpOptions) => Promise<ApiAnswer>;
  /** Everything that comes back on a connection of its own until it is closed. */
  raw: (bytes: string) => Promise<string>;
}

export interface TcpOptions {
  authorization?: string | null;
  headers?: Record<string, string>;
  body?: unknown;
}

export const KATE = { name: "Kate Bush", email: "kate@foobazco.com" };

export async function openDoor(
  t: TestContext,
  unusual?: Partial<RequestLimits>,
  options: LabOptions = {},
): Promise<DoorLab> {
  const lab = await openApi(t, options);
  const limits = { ...REQUEST_LIMITS, ...unusual };
  const server = unusual === undefined ? lab.server : createServer(lab.platform, control([]), limits);
  const port = await openPort(t, server, limits.headMs);
  const { token, about } = await lab.platform.tokens.create({
    owner: KATE,
    isAdmin: true,
    description: "",
    lifetimeMs: undefined,
  });
  return { ...lab, port, token, tokenId: about.id, tcp: asker(port, token), raw: (bytes) => speak(port, bytes) };
}

/** As a daemon that has started after the one of the lab. */
export async function openSecondDoor(t: TestContext, { platform, token }: DoorLab): Promise<DoorLab["tcp"]> {
  const server = createServer(platform, control([]));
  return asker(await openPort(t, server), token);
}

async function openPort(t: TestContext, server: FastifyInstance, headMs?: number): Promise<number> {
  await server.ready();
  const door = await TcpDoor.listen(0, headMs);
  door.open(server);
  t.after(() => door.close());
  return door.port;
}

function asker(port: number, token: string): DoorLab["tcp"] {
  return (method, path, options = {}) => ask(port, { method, path, authorization: `Bearer ${token}`, ...options });
}

function ask(port: number, question: TcpOptions & { method: string; path: string }): Promise<ApiAnswer> {
  const { method, path, authorization, headers, body } = question;
  const text = body === undefined ? undefined : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const outgoing = request({
      host: "127.0.0.1",
      port,
      method,
      path,
      agent: false,
      headers: {
        ...(typeof authorization === "string" && { authorization }),
        ...(text !== undefined && { "content-type": "application/json", "content-length": Buffer.byteLength(text) }),
        ...headers,
      },
    });
    outgoing.on("error", reject);
    outgoing.on("response", (response) => {
      let answer = "";
      response.on("error", reject).setEncoding("utf8");
      response.on("data", (chunk: string) => (answer += chunk));
      response.on("end", () => {
        const isJson = response.headers["content-type"]?.startsWith("application/json") === true;
        const parsed: unknown = isJson && answer !== "" ? JSON.parse(answer) : answer;
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: parsed });
      });
    });
    outgoing.end(text);
  });
}

export async function dial(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  return socket;
}

async function speak(port: number, bytes: string): Promise<string> {
  const socket = await dial(port);
  const heard = hear(socket);
  socket.write(bytes, "latin1");
  return heard;
}

/** Until the connection is over, however it ends. */
export function hear(socket: Socket): Promise<string> {
  let text = "";
  socket.on("data", (chunk) => (text += chunk.toString("latin1")));
  return new Promise((resolve) => socket.on("error", () => undefined).on("close", () => resolve(text)));
}
