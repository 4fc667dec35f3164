/** Who may come in. The unix socket is private to the daemon's own user. Over TCP a request needs a token, and must not
 *  be what a page in somebody's browser made it send: such a page can reach the loopback, by a name of its own that leads
 *  there (DNS rebinding) or from another site (CSRF). What each route then asks for is said in `permissions.ts`. */
import { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { AppError } from "../core/error.ts";
import type { Platform } from "../platform/platform.ts";
import type { Pass } from "../platform/actor.ts";
import { passOf } from "../platform/pass.ts";
import type { ShownToken } from "../platform/tokens.ts";
import { tokenVisitor, type Visitor } from "../platform/visitor.ts";
import { socketVisitor } from "./caller.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Null where nobody has to say who they are. */
    visitor: Visitor | null;
    /** Of whom came in over TCP. */
    token: ShownToken | null;
    /** Of whom it may be taken from while they wait. */
    pass: Pass | null;
  }
}

/** A request that has come in over TCP. */
export class OutsideRequest extends IncomingMessage {}

/** Who asks, as a connection has shown it last. */
interface Shown {
  authorization: string | undefined;
  token: ShownToken;
  visitor: Visitor;
}

/** Of requests by a door that knows who comes. */
const guests = new WeakMap<IncomingMessage, Visitor>();
const shown = new WeakMap<Socket, Shown>();
const survivors = new WeakSet<FastifyRequest>();
/** With any port: a forwarded one has another number. */
const LOOPBACK_HOST = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/i;
/** What a browser says of who made it ask: the page itself, or the person by hand. */
const OWN_SITE = new Set<unknown>([undefined, "same-origin", "none"]);

/** For a door that finds out by itself who comes: nothing that the request says of that counts. */
export function markVisitor(request: IncomingMessage, visitor: Visitor): void {
  guests.set(request, visitor);
}

/** Lets a request be answered although it takes from its own caller what it takes to ask it. */
export function outlive(request: FastifyRequest): void {
  survivors.add(request);
}

export function guardDoor(server: FastifyInstance, platform: Platform): void {
  server.decorateRequest("visitor", null);
  server.decorateRequest("token", null);
  server.decorateRequest("pass", null);
  server.addHook("onRequest", (request, reply, done) => {
    try {
      admit(platform, request, reply);
      return done();
    } catch (error) {
      // Whatever body may follow is not read.
      void reply.header("connection", "close");
      return done(error as Error);
    }
  });
}

function admit(platform: Platform, request: FastifyRequest, reply: FastifyReply): void {
  const isOutside = request.raw instanceof OutsideRequest;
  const guest = guests.get(request.raw);
  const { need } = request.routeOptions.config;
  if (isOutside) refuseForeignPages(platform, request);
  if (!isOutside && guest === undefined) request.visitor = socketVisitor(request);
  else if (need === "open") return;
  else if (guest === undefined) {
    const { token, visitor } = identify(platform, request, reply);
    request.token = token;
    request.visitor = visitor;
  } else request.visitor = guest;
  if (need === "socket" && (isOutside || guest !== undefined)) throw notHere();
  request.pass = passOf(platform, request.visitor) ?? null;
  endWithCredential(request.visitor, request, reply);
}

function notHere(): AppError {
  return new AppError("forbidden", "This is answered on the platform's own machine only.", {
    hint: "Ask the unix socket, as `git heroku` does.",
  });
}

/** A connection that shows the same header again is not asked again whose it is, only whether the token still holds.
 *  @throws AppError unauthorized */
function identify({ tokens }: Platform, request: FastifyRequest, reply: FastifyReply): Shown {
  const { raw, headers } = request;
  const { authorization } = headers;
  const before = shown.get(raw.socket);
  if (before !== undefined && before.authorization === authorization && tokens.holds(before.token)) return before;
  const text = readToken(authorization);
  const token = text === undefined ? undefined : tokens.authenticate(text);
  if (token === undefined) {
    // git asks its credential helpers, or the person, for what Basic wants.
    const scheme = request.routeOptions.config.isGit === true ? "Basic" : "Bearer";
    void reply.header("www-authenticate", `${scheme} realm="git-heroku"`);
    throw text === undefined ? noToken() : badToken();
  }
  const now = { authorization, token, visitor: tokenVisitor(token) };
  shown.set(raw.socket, now);
  return now;
}

function refuseForeignPages({ publicUrl }: Platform, { headers }: FastifyRequest): void {
  const { host = "", origin } = headers;
  const isPublic = publicUrl !== undefined && host.toLowerCase() === new URL(publicUrl).host;
  if (!isPublic && !LOOPBACK_HOST.test(host))
    throw foreign(`The Host header ${JSON.stringify(host.slice(0, 100))} is not this server's.`);
  const isOwn =
    origin === undefined || origin.toLowerCase() === (isPublic ? publicUrl : `http://${host.toLowerCase()}`);
  if (!isOwn || !OWN_SITE.has(headers["sec-fetch-site"]))
    throw foreign("Requests from pages of other sites are not answered.");
}

function foreign(message: string): AppError {
  return new AppError("forbidden", message, { hint: "Ask for http://127.0.0.1 or http://localhost, with its port." });
}

/** Of `Bearer TOKEN`, or of Basic with any user, as git's credential helpers send it. */
function readToken(header: string | undefined): string | undefined {
  const [, scheme = "", value = ""] = /^(bearer|basic) +(\S{1,2000})$/i.exec(header ?? "") ?? [];
  if (scheme === "") return undefined;
  if (scheme.toLowerCase() === "bearer") return value;
  const pair = Buffer.from(value, "base64").toString("utf8");
  return pair.slice(pair.indexOf(":") + 1);
}

/** A token that is revoked takes its streams with it, but not the answer to the request that revoked it. */
function endWithCredential({ onRevoked }: Visitor, request: FastifyRequest, reply: FastifyReply): void {
  if (onRevoked === undefined) return;
  const cut = (): void => cutOff(request);
  onRevoked.add(cut);
  reply.raw.once("close", () => onRevoked.delete(cut));
}

/** Unless the request itself has taken from its caller what it takes to ask it. */
export function cutOff(request: FastifyRequest): void {
  if (!survivors.has(request)) request.raw.socket.destroy();
}

function noToken(): AppError {
  return new AppError("unauthorized", "There were no credentials in your `Authorization` header.", {
    hint: "Log in with: git heroku login, and a token that git heroku tokens:create has made.",
  });
}

function badToken(): AppError {
  return new AppError("unauthorized", "Invalid credentials provided.", {
    hint: "The token is wrong, expired or revoked. Log in with another one: git heroku login",
  });
}
