/** Looking back: what a release is made of, what differs between two releases, and which release set a config var. */
import { Readable } from "node:stream";
import type { FastifyInstance } from "fastify";
import { blameConfig, configHistory } from "../platform/config-history.ts";
import { describeRelease } from "../platform/describe-release.ts";
import { diffReleases, patchBetween, succeededBefore } from "../platform/diff-releases.ts";
import type { Platform } from "../platform/platform.ts";
import type { AppParams } from "./app-routes.ts";
import { diffResource } from "./diff-resource.ts";
import { findRelease, type ReleaseParams } from "./release-routes.ts";
import { linksOf } from "./links.ts";
import { detailsResource, releaseReference, releaseResources } from "./resources.ts";

interface DiffQuery {
  base?: string;
  patch?: string;
  color?: string;
}

/** A parameter that is given twice is refused here. */
const texts = (described: Readonly<Record<string, string>>) => ({
  type: "object",
  properties: Object.fromEntries(
    Object.entries(described).map(([name, description]) => [name, { type: "string", maxLength: 100, description }]),
  ),
});

const diffQuery = texts({
  base: "a release; usually the newest before it that succeeded",
  patch:
    "`true`: the difference of the code alone as `git diff` prints it, `text/x-diff`; over 256 MiB the connection breaks off",
  color: "`true`: git's colours, in a patch",
});

export function historyRoutes(server: FastifyInstance, platform: Platform): void {
  server.get<{ Params: ReleaseParams }>(
    "/apps/:app/releases/:release/details",
    { schema: { summary: "The release and what it is made of" } },
    async (request) => {
      const app = platform.app(request.params.app);
      const release = await findRelease(app, request.params.release);
      const links = await linksOf(platform, request);
      const [details, [resource]] = await Promise.all([
        describeRelease(app, release),
        releaseResources(app, [release], links),
      ]);
      return { ...resource, ...detailsResource(details) };
    },
  );

  server.get<{ Params: ReleaseParams; Querystring: DiffQuery }>(
    "/apps/:app/releases/:release/diff",
    { schema: { summary: "What differs from an older release", querystring: diffQuery } },
    async (request, reply) => {
      const app = platform.app(request.params.app);
      const { base: wanted, patch, color } = request.query;
      const finding = findRelease(app, request.params.release);
      const findingBase =
        wanted === undefined ? finding.then((found) => succeededBefore(app, found)) : findRelease(app, wanted);
      const [release, base] = await Promise.all([finding, findingBase]);
      if (patch !== "true") {
        const [diff, current] = await Promise.all([diffReleases(app, base, release), app.ledger.current()]);
        return diffResource(app, diff, current);
      }
      void reply.type("text/x-diff; charset=utf-8");
      return reply.send(Readable.from(await patchBetween(app, base, release, color === "true"), { objectMode: false }));
    },
  );

  configHistories(server, platform);
}

function configHistories(server: FastifyInstance, platform: Platform): void {
  server.get<{ Params: AppParams }>(
    "/apps/:app/config-blame",
    { schema: { summary: "For each current config var the release that gave it its value, by name" } },
    async (request) => {
      const app = platform.app(request.params.app);
      const blamed = await blameConfig(app);
      return blamed.map(({ name, release }) => releaseReference(release, { name }));
    },
  );

  server.get<{ Params: AppParams & { name: string }; Querystring: { values?: string } }>(
    "/apps/:app/config-history/:name",
    {
      schema: {
        summary: "The releases that set, changed or removed it, newest first",
        querystring: texts({ values: "`true`: with `value`" }),
      },
    },
    async (request) => {
      const app = platform.app(request.params.app);
      const withValues = request.query.values === "true";
      const entries = await configHistory(app, request.params.name, withValues);
      return entries.map(({ event, release, value }) =>
        releaseReference(release, withValues ? { event, value: value ?? null } : { event }),
      );
    },
  );
}
