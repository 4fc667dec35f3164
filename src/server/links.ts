/** Addresses that an answer gives its client to go on with: whole URLs, by the name under which the client has reached the
 *  platform, and good without a token (platform/tickets). */
import type { FastifyRequest } from "fastify";
import type { App } from "../platform/app.ts";
import type { Platform } from "../platform/platform.ts";
import { bearerOf } from "../platform/visitor.ts";
import { visitorOf } from "./caller.ts";

const HOUR_MS = 3_600_000;

export interface Links {
  releaseOutput(app: App, version: number): string | null;
  buildOutput(app: App, id: string): string | null;
}

/** For whoever comes with nobody's rights. */
export const NO_LINKS: Links = { releaseOutput: () => null, buildOutput: () => null };

export function baseUrl({ publicUrl }: Platform, request: FastifyRequest): string {
  // Who comes by a front that ends TLS has reached it by another scheme than it reaches the platform.
  if (publicUrl !== undefined && request.host.toLowerCase() === new URL(publicUrl).host) return publicUrl;
  return `${request.protocol}://${request.host || "localhost"}`;
}

export async function linksOf(platform: Platform, request: FastifyRequest): Promise<Links> {
  const write = await platform.tickets.writer();
  const base = baseUrl(platform, request);
  // Good for one hour to two, and the same all through an hour, so that the answers are the same too.
  const until = (Math.floor(platform.clock.now() / HOUR_MS) + 2) * HOUR_MS;
  const bearer = { ...bearerOf(visitorOf(request)), credential: null };
  const link = (facts: { version: number } | { build: string }, app: App): string =>
    `${base}/outputs/${write("output", { app: app.id, until, bearer, ...facts })}`;
  return {
    releaseOutput: (app, version) => link({ version }, app),
    buildOutput: (app, build) => link({ build }, app),
  };
}
