/** /apps/A/releases: the ledger as the Platform API shows it, and rollback. */
import type { FastifyInstance } from "fastify";
import { AppError } from "../core/error.ts";
import { parseRange, type ListRange } from "../core/list-range.ts";
import { formatVersion, parseVersion, type Release } from "../core/release.ts";
import type { App } from "../platform/app.ts";
import { findReleaseById, type RunningPhase } from "../platform/app.ts";
import type { Platform } from "../platform/platform.ts";
import { releaseSlug } from "../platform/release-slug.ts";
import { rollback } from "../platform/rollback.ts";
import { readConfig } from "../platform/set-config.ts";
import type { AppParams } from "./app-routes.ts";
import { answerLive } from "./live-answer.ts";
import { warn } from "./http-rules.ts";
import { linksOf } from "./links.ts";
import { pendingRelease, pendingResource } from "./pending-resource.ts";
import { extendedRelease, pendingId, releaseResources } from "./resources.ts";

export interface ReleaseParams extends AppParams {
  release: string;
}

const rollbackBody = {
  type: ["object", "null"],
  examples: [{ release: "73" }],
  properties: {
    release: { type: "string", maxLength: 100, description: "to roll back to" },
    slug: {
      type: "string",
      maxLength: 100,
      description:
        "an id: releases code that was built before, with the config of now, as a deploy; the deploy branch is at its commit afterwards. `heroku releases:retry` does that",
    },
    description: { type: "string", maxLength: 1_000, description: "of a release of a slug" },
  },
} as const;

interface ReleaseBody {
  /** To roll back to. */
  release?: string;
  /** To release as it is, with a description of its own. */
  slug?: string;
  description?: string;
}

const listQuery = {
  type: "object",
  properties: { extended: { enum: ["true", "false"], description: "with `extended`" } },
} as const;

export function releaseRoutes(server: FastifyInstance, platform: Platform): void {
  listing(server, platform);

  server.get<{ Params: ReleaseParams }>(
    "/apps/:app/releases/:release",
    { schema: { summary: "One release" } },
    async (request) => {
      const app = platform.app(request.params.app);
      const links = await linksOf(platform, request);
      const pending = await findPending(app, request.params.release);
      if (pending !== undefined) return pendingResource(app, pending, links);
      const [resource] = await releaseResources(app, [await findRelease(app, request.params.release)], links);
      return resource;
    },
  );

  server.get<{ Params: ReleaseParams }>(
    "/apps/:app/releases/:release/config-vars",
    { schema: { summary: "The config vars of that release" } },
    async (request) => {
      const app = platform.app(request.params.app);
      return readConfig(app, await findRelease(app, request.params.release));
    },
  );

  making(server, platform);
}

function making(server: FastifyInstance, platform: Platform): void {
  server.post<{ Params: AppParams; Body: ReleaseBody | undefined }>(
    "/apps/:app/releases",
    {
      schema: {
        summary: "Rolls back: to that release, or to the newest good one before the current",
        body: rollbackBody,
      },
    },
    async (request, reply) => {
      const app = platform.app(request.params.app);
      const { release: wanted, slug, description } = request.body ?? {};
      if (slug !== undefined && wanted !== undefined) throw bothAsked();
      if (slug !== undefined) {
        return answerLive(platform, request, reply, async (actor) => {
          const release = await releaseSlug(platform, app, { slug, description }, actor);
          const [body] = await releaseResources(app, [release], await linksOf(platform, request));
          return { status: 201, body };
        });
      }
      const target = wanted === undefined ? undefined : await findRelease(app, wanted);
      return answerLive(platform, request, reply, async (actor) => {
        const release = await rollback(platform, app, target?.version, actor);
        const { skipped, targetMark } = release;
        const passedOver = [...skipped].map(({ version, reason }) => `${formatVersion(version)} (${reason})`);
        if (passedOver.length > 0) warn(reply, `Passed over, marked as bad: ${passedOver.join(", ")}`);
        const [resource] = await releaseResources(app, [release], await linksOf(platform, request));
        const body = { ...resource, skipped, target_mark: targetMark ?? null };
        return { status: 201, body };
      });
    },
  );
}

function bothAsked(): AppError {
  return new AppError("invalid_params", "Either release or slug says what to run, not both.");
}

function listing(server: FastifyInstance, platform: Platform): void {
  const options = {
    config: { ownRange: true, shared: true },
    schema: { summary: "The ledger; the default is `max=200, order=asc` ([range](#range))", querystring: listQuery },
  };
  server.get<{ Params: AppParams; Querystring: { extended?: string } }>(
    "/apps/:app/releases",
    options,
    async (request, reply) => {
      const app = platform.app(request.params.app);
      const range = parseRange(request.headers.range);
      const { releases, pending, last, isCut } = await listReleases(app, range);
      if (isCut) void reply.status(206).header("Next-Range", nextRange(last, range));
      const links = await linksOf(platform, request);
      const resources = await releaseResources(app, releases, links);
      if (request.query.extended === "true") {
        resources.forEach((resource, index) => Object.assign(resource, extendedRelease(releases[index]?.code)));
      }
      if (pending === undefined) return resources;
      const resource = pendingResource(app, pending, links);
      return range.order === "desc" ? [resource, ...resources] : [...resources, resource];
    },
  );
}

/** By version, by `current` or `newest`, or by the id that a listing gave.
 *  @throws AppError not_found */
export async function findRelease(app: App, text: string): Promise<Release> {
  if (/^v?[1-9]\d{0,8}$/i.test(text)) return app.ledger.get(parseVersion(text));
  const release = await findByWord(app, text);
  if (release !== undefined) return release;
  throw new AppError("not_found", `There is no release ${JSON.stringify(text.slice(0, 40))}.`, {
    hint: "`git heroku releases` lists them.",
  });
}

/** Whoever listed one may ask for it by what the listing gave. */
async function findPending(app: App, text: string): Promise<RunningPhase | undefined> {
  const pending = pendingRelease(app, (await app.ledger.head())?.version ?? 0);
  if (pending === undefined) return undefined;
  const isIt = /^v?[1-9]\d{0,8}$/i.test(text)
    ? parseVersion(text) === pending.version
    : text === pendingId(app, pending.version);
  return isIt ? pending : undefined;
}

function findByWord(app: App, text: string): Promise<Release | undefined> {
  if (text === "current") return app.ledger.current();
  return text === "newest" ? app.ledger.head() : findReleaseById(app, text);
}

interface Listed {
  /** In the order of the range. */
  releases: Release[];
  /** One that is still to come, when it is within the range: the newest of all. */
  pending: RunningPhase | undefined;
  /** The version that is given out last. */
  last: number;
  isCut: boolean;
}

/** Either order costs only the rows that are given out. A range begins with the version that comes first in its order. */
async function listReleases(app: App, range: ListRange): Promise<Listed> {
  const inLedger = (await app.ledger.head())?.version ?? 0;
  const coming = pendingRelease(app, inLedger);
  const { lowest, highest, isCut } = cutRange(range, coming?.version ?? inLedger);
  const releases = await between(app, lowest, Math.min(highest, inLedger));
  const isDescending = range.order === "desc";
  return {
    releases: isDescending ? releases : releases.toReversed(),
    pending: lowest <= highest && highest === coming?.version ? coming : undefined,
    last: isDescending ? lowest : highest,
    isCut,
  };
}

/** The versions to give out, and whether there are more. */
function cutRange(range: ListRange, head: number): { lowest: number; highest: number; isCut: boolean } {
  const { lowest, highest } = boundsOf(range, head);
  const isCut = highest - lowest >= range.max;
  if (!isCut) return { lowest, highest, isCut };
  if (range.order === "desc") return { lowest: highest - range.max + 1, highest, isCut };
  return { lowest, highest: lowest + range.max - 1, isCut };
}

function boundsOf({ order, from, to, isAfter }: ListRange, head: number): { lowest: number; highest: number } {
  const after = isAfter ? 1 : 0;
  if (order === "desc")
    return { lowest: Math.max(1, parseBound(to, 1)), highest: Math.min(parseBound(from, head) - after, head) };
  return { lowest: Math.max(1, parseBound(from, 1) + after), highest: Math.min(parseBound(to, head), head) };
}

/** Newest first. */
async function between(app: App, lowest: number, highest: number): Promise<Release[]> {
  return highest < lowest ? [] : app.ledger.list({ max: highest - lowest + 1, before: highest + 1 });
}

function parseBound(text: string | undefined, whenOpen: number): number {
  const digits = text === undefined ? String(whenOpen) : /^v?(\d{1,9})$/i.exec(text)?.[1];
  if (digits !== undefined) return Number(digits);
  throw new AppError(
    "requested_range_not_satisfiable",
    `${JSON.stringify(text?.slice(0, 40))} is no release version.`,
    {
      hint: "A range looks like: version 5..; max=15, order=desc",
    },
  );
}

function nextRange(last: number, range: ListRange): string {
  const next = range.order === "desc" ? last - 1 : last + 1;
  return `version ${String(next)}..${range.to ?? ""}; max=${String(range.max)}, order=${range.order}`;
}
