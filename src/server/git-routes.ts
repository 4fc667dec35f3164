/** git over smart HTTP (gitprotocol-http(5)): fetches and pushes of an app's repository at `/APP.git`, with a token as the
 *  password of Basic. git itself does the work; here is who may, how much, and what becomes of it when somebody leaves. */
import type { IncomingMessage } from "node:http";
import { homedir } from "node:os";
import { pipeline, type Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Clock } from "../core/clock.ts";
import { AppError } from "../core/error.ts";
import type { App } from "../platform/app.ts";
import type { Platform } from "../platform/platform.ts";
import { VIA_HTTP, type Visitor } from "../platform/visitor.ts";
import { answerFor } from "./answer-for.ts";
import type { AppParams } from "./app-routes.ts";
import { visitorOf } from "./caller.ts";
import { outlive } from "./door.ts";
import { GitBackend, type BackendOrder } from "./git-backend.ts";
import { demand } from "./permit.ts";
import { DEPLOY } from "./permissions.ts";
import { readReceiveHead } from "./receive-head.ts";

/** How long a client may send nothing while it is waited for. */
const SILENCE_MS = 30_000;
/** What is still on its way when git has answered is taken for so long. */
const LINGER_MS = 2_000;

declare module "fastify" {
  interface FastifyContextConfig {
    /** Is asked by git: it shows texts, sends its token as Basic, and has no end to what it sends. */
    isGit?: boolean;
  }
}

/** With what an answer is. */
const SERVICES = {
  "git-upload-pack": "What a fetch gets",
  "git-receive-pack": "What a push is told, live",
} as const;
type Service = keyof typeof SERVICES;

const REPOSITORY = "/:app.git";

interface RefsQuery {
  service?: string;
}

export function gitRoutes(server: FastifyInstance, platform: Platform): void {
  const backends = new Set<GitBackend>();
  server.addHook("preClose", (done) => {
    for (const backend of backends) backend.kill();
    done();
  });
  void server.register((scope, _options, done) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", (_request, body, parsed) => parsed(null, body));
    const options = {
      config: { isGit: true },
      errorHandler: (error: unknown, request: FastifyRequest, reply: FastifyReply) =>
        answerInText(platform, error, request, reply),
    };
    const refs = {
      ...options,
      schema: { summary: "`service` is `git-upload-pack` or `git-receive-pack`; a push takes `deploy`" },
    };
    scope.get<{ Params: AppParams; Querystring: RefsQuery }>(`${REPOSITORY}/info/refs`, refs, (request, reply) => {
      const service = readService(request.query.service);
      return serve(platform, backends, { request, reply, service, path: "/info/refs" });
    });
    for (const service of Object.keys(SERVICES) as Service[]) {
      const serving = { ...options, schema: { summary: SERVICES[service] } };
      scope.post<{ Params: AppParams }>(`${REPOSITORY}/${service}`, serving, (request, reply) =>
        serve(platform, backends, { request, reply, service, path: `/${service}` }),
      );
    }
    done();
  });
}

/** @throws AppError forbidden for the dumb protocol, which reads files */
function readService(text: string | undefined): Service {
  if (text !== undefined && Object.hasOwn(SERVICES, text)) return text as Service;
  throw new AppError("forbidden", "Only git's smart HTTP protocol is spoken here.", {
    hint: "Use git 1.6.6 or newer.",
  });
}

/** As people see it through git, which prints texts and no JSON. */
function answerInText(platform: Platform, error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const { id, status, message, hint } = answerFor(error);
  if (id === "internal_server_error") platform.journal.fault(`${request.method} of a repository`, error);
  void reply
    .status(status)
    .type("text/plain; charset=utf-8")
    .send([message, hint].filter((line) => line !== undefined).join("\n"));
}

interface Exchange {
  request: FastifyRequest<{ Params: AppParams }>;
  reply: FastifyReply;
  service: Service;
  path: string;
}

async function serve(platform: Platform, backends: Set<GitBackend>, exchange: Exchange): Promise<FastifyReply> {
  const { request, reply, service } = exchange;
  const app = platform.app(request.params.app);
  if (service === "git-receive-pack") await demand(platform, request, app, DEPLOY);
  const { pushBytesMax, pushTimeoutMs } = (await app.state()).settings;
  const order = orderOf(platform, app, exchange, pushBytesMax);
  const body = request.method === "POST" ? readBody(platform.clock, request.raw, pushTimeoutMs) : undefined;
  try {
    const head = body && service === "git-receive-pack" ? await readReceiveHead(body) : undefined;
    const backend = start(platform, backends, visitorOf(request), order);
    reply.raw.once("close", () => backend.leave());
    feed(backend, head, body).then(
      // A push that is here has its answer, which says so when its sender may no longer.
      () => order.detaches && outlive(request),
      () => backend.kill(),
    );
    const { status, headers, output } = await backend.answer();
    if (status >= 500) platform.journal.note(`git http-backend: ${backend.lastWords.trim()}`);
    output.once("end", () => takeRest(request.raw));
    // A proxy that gathers answers would keep a build from being seen.
    return await reply.status(status).headers(headers).header("x-accel-buffering", "no").send(output);
  } catch (error) {
    takeRest(request.raw);
    void reply.header("connection", "close");
    throw error;
  }
}

/** @throws AppError unavailable when there are too many */
function start(platform: Platform, backends: Set<GitBackend>, visitor: Visitor, order: BackendOrder): GitBackend {
  platform.gitVisits.check(visitor);
  const end = platform.gitVisits.begin(visitor);
  const backend = new GitBackend(order);
  backends.add(backend);
  void backend.ended.then(() => {
    backends.delete(backend);
    end();
  });
  return backend;
}

function orderOf(
  platform: Platform,
  app: App,
  { request, service, path }: Exchange,
  packBytesMax: number,
): BackendOrder {
  const { "git-protocol": protocol, "content-type": contentType } = request.headers;
  const { actor, credential = "" } = visitorOf(request);
  return {
    repos: platform.home.repos,
    repo: `${app.name}.git`,
    // What comes by a token here is git's, not the API's.
    actor: { ...actor, via: actor.via === "api" ? VIA_HTTP + credential : actor.via },
    env: { PATH: platform.processPath, HOME: homedir() },
    method: request.method,
    path,
    query: path === "/info/refs" ? `service=${service}` : "",
    contentType,
    protocol: typeof protocol === "string" ? protocol : undefined,
    packBytesMax,
    detaches: service === "git-receive-pack",
  };
}

async function feed(
  backend: GitBackend,
  head: Buffer | undefined,
  body: AsyncIterator<Buffer> | undefined,
): Promise<void> {
  if (head !== undefined) await backend.write(head);
  for (;;) {
    const next = await body?.next();
    if (next === undefined || next.done === true) return backend.endInput();
    await backend.write(next.value);
  }
}

/** What a client sends, unpacked. Fails when it sends nothing for too long, or goes on for too long. */
async function* readBody(clock: Clock, raw: IncomingMessage, timeoutMs: number): AsyncGenerator<Buffer, void> {
  const isPacked = /^(?:x-)?gzip$/i.test(raw.headers["content-encoding"] ?? "");
  const source: Readable = isPacked ? pipeline(raw, createGunzip(), () => undefined) : raw;
  const chunks = (source as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  const until = clock.now() + timeoutMs;
  for (;;) {
    const next = await within(clock, Math.min(SILENCE_MS, until - clock.now()), chunks.next());
    if (next.done === true) return;
    yield next.value;
  }
}

/** @throws AppError bad_request when the time is over */
async function within<T>(clock: Clock, ms: number, coming: Promise<T>): Promise<T> {
  const over = new AbortController();
  coming.catch(() => undefined);
  try {
    const late = clock.sleep(Math.max(0, ms), over.signal).then(() => undefined);
    const first = await Promise.race([coming.then((value) => ({ value })), late]);
    if (first !== undefined) return first.value;
  } finally {
    over.abort();
  }
  throw new AppError("bad_request", "The push did not arrive in time.");
}

/** Nothing more is wanted of a request: whoever is still sending hears the answer first, and is then cut off. */
function takeRest(raw: IncomingMessage): void {
  if (raw.complete) return;
  raw.resume();
  setTimeout(() => {
    if (!raw.complete) raw.socket.destroy();
  }, LINGER_MS).unref();
}
