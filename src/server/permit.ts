/** Whether who asks may have what they ask for: looked up in one table (`permissions.ts`) for every route, before a body is
 *  read or anything else is said about what there is. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Need } from "../core/access.ts";
import { AppError } from "../core/error.ts";
import { enterApp, visitorWith, watchStay } from "../platform/access.ts";
import type { App } from "../platform/app.ts";
import { passOf } from "../platform/pass.ts";
import type { Platform } from "../platform/platform.ts";
import type { Bearer } from "../platform/visitor.ts";
import { visitorOf } from "./caller.ts";
import { cutOff } from "./door.ts";
import { needOf, VIEW, type RouteNeed } from "./permissions.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** Filled in from the table. */
    need?: RouteNeed;
  }
}

/** To be called before there are any routes. */
export function declareNeeds(server: FastifyInstance): void {
  server.addHook("onRoute", (route) => {
    for (const method of [route.method].flat()) {
      const need = needOf(method, route.url, route.config?.absent === true);
      if (need === undefined) throw new Error(`Who may ask ${method} ${route.url}? Say so in permissions.ts.`);
      route.config = { ...route.config, need };
    }
  });
}

/** After the door, which says who asks. */
export function permit(server: FastifyInstance, platform: Platform): void {
  server.addHook("onRequest", (request, reply, done) => {
    const { need } = request.routeOptions.config;
    // What is no route needs nothing, and whoever may do everything hears from the route itself what is not there.
    if (request.visitor === null || request.visitor.isAdmin || !isCheckable(need)) return done();
    const go = (): void => done();
    const refuse = (error: Error): void => {
      void reply.header("connection", "close");
      done(error);
    };
    check(platform, request, { reply, need }).then(go, refuse);
    return undefined;
  });
}

function isCheckable(need: RouteNeed | undefined): need is Need | "admin" {
  return need !== undefined && need !== "open" && need !== "person" && need !== "socket";
}

async function check(
  platform: Platform,
  request: FastifyRequest,
  { reply, need }: { reply: FastifyReply; need: Need | "admin" },
): Promise<void> {
  if (need === "admin") throw notAdmin();
  const visitor = visitorOf(request);
  const app = await enterApp(platform, visitor, (request.params as { app: string }).app, need);
  request.pass = passOf(platform, visitor, { app, need }) ?? null;
  reply.raw.once("close", watchStay({ visitor, app, need, cut: () => cutOff(request) }));
}

/** For an address that is good without a token: whoever was given it must still be allowed to see its app.
 *  @throws AppError not_found */
export async function enterWithTicket(
  platform: Platform,
  { app: id, bearer }: { app: string; bearer: Bearer },
  { request, reply }: { request: FastifyRequest; reply: FastifyReply },
): Promise<App> {
  const visitor = visitorWith(platform, bearer);
  const app = await enterApp(platform, visitor, id, VIEW);
  reply.raw.once("close", watchStay({ visitor, app, need: VIEW, cut: () => cutOff(request) }));
  return app;
}

/** For what a route wants only where its body says so.
 *  @throws AppError forbidden */
export async function demand(platform: Platform, request: FastifyRequest, app: App, need: Need): Promise<void> {
  await enterApp(platform, visitorOf(request), app.name, need);
}

/** @throws AppError forbidden */
export function demandAdmin(request: FastifyRequest): void {
  if (!visitorOf(request).isAdmin) throw notAdmin();
}

function notAdmin(): AppError {
  return new AppError("forbidden", "Only the platform's own user may do that.", {
    hint: "Ask whoever runs this platform.",
  });
}
