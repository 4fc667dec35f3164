/** /apps/A/releases: the ledger as the Platform API shows it, and rollback. */
import type { FastifyInstance } from "fastify";
import { parseVersion, type Release } from "../core/release.ts";
import type { App } from "../platform/app.ts";
import { idOfObject } from "../platform/app.ts";
import type { Platform } from "../platform/platform.ts";
import { rollback } from "../platform/rollback.ts";
import { readConfig } from "../platform/set-config.ts";
import type { AppParams } from "./app-routes.ts";
import { callerOf } from "./caller.ts";
import { parseRange, type ListRange } from "./range.ts";
import { releaseResource } from "./resources.ts";

interface ReleaseParams extends AppParams {
  release: string;
}

const rollbackBody = {
  type: ["object", "null"],
  properties: { release: { type: "string", maxLength: 100 } },
} as const;

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export function releaseRoutes(server: FastifyInstance, platform: Platform): void {
  server.get<{ Params: AppParams }>("/apps/:app/releases", async (request, reply) => {
    const app = platform.app(request.params.app);
    const range = parseRange(request.headers.range);
    const { releases, isCut } = await listReleases(app, range);
    if (isCut) void reply.status(206).header("Next-Range", nextRange(releases, range));
    const current = await app.ledger.current();
    return releases.map((release) => releaseResource(app, release, current));
  });

  server.get<{ Params: ReleaseParams }>("/apps/:app/releases/:release", async (request) => {
    const app = platform.app(request.params.app);
    const release = await findRelease(app, request.params.release);
    return releaseResource(app, release, await app.ledger.current());
  });

  server.get<{ Params: ReleaseParams }>("/apps/:app/releases/:release/config-vars", async (request) => {
    const app = platform.app(request.params.app);
    return readConfig(app, await findRelease(app, request.params.release));
  });

  server.post<{ Params: AppParams; Body: { release?: string } | undefined }>(
    "/apps/:app/releases",
    { schema: { body: rollbackBody } },
    async (request, reply) => {
      const app = platform.app(request.params.app);
      const wanted = request.body?.release;
      const target = wanted === undefined ? undefined : await findRelease(app, wanted);
      const release = await rollback(platform, app, target?.version, callerOf(request));
      void reply.status(201);
      return releaseResource(app, release, release);
    },
  );
}

/** By version, by `current`, or by the id that a listing gave. */
async function findRelease(app: App, text: string): Promise<Release> {
  if (text === "current") return (await app.ledger.current()) ?? app.ledger.get(1);
  if (!UUID.test(text)) return app.ledger.get(parseVersion(text));
  const head = await app.ledger.head();
  const releases = await app.ledger.list({ max: head?.version ?? 0 });
  return releases.find((release) => idOfObject(release.oid) === text) ?? app.ledger.get(Number.MAX_SAFE_INTEGER);
}

/** Newest first costs the rows that are asked for; oldest first is cut from the whole. */
async function listReleases(app: App, range: ListRange): Promise<{ releases: Release[]; isCut: boolean }> {
  const head = await app.ledger.head();
  if (head === undefined) return { releases: [], isCut: false };
  const bounds = [range.from, range.to].filter((text) => text !== undefined).map((text) => parseVersion(text));
  const highest = Math.min(head.version, ...(range.to === undefined && range.order === "asc" ? [] : bounds.slice(-1)));
  if (range.order === "desc") {
    const start = range.from === undefined ? head.version : Math.min(parseVersion(range.from), head.version);
    const releases = await app.ledger.list({ max: range.max, before: start + 1 });
    return { releases, isCut: (releases.at(-1)?.version ?? 1) > 1 };
  }
  const lowest = range.from === undefined ? 1 : parseVersion(range.from);
  const last = Math.min(highest, lowest + range.max - 1);
  const releases = last < lowest ? [] : await app.ledger.list({ max: last - lowest + 1, before: last + 1 });
  return { releases: releases.toReversed(), isCut: last < highest };
}

function nextRange(releases: readonly Release[], range: ListRange): string {
  const last = releases.at(-1)?.version ?? 1;
  const next = range.order === "desc" ? last - 1 : last + 1;
  return `version ${String(next)}..; max=${String(range.max)}, order=${range.order}`;
}
