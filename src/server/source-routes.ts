/** Uploads of code, and the builds of them: POST /sources gives an address, PUT brings the archive there, POST
 *  /apps/A/builds builds it. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { AppError } from "../core/error.ts";
import { buildArchive, type ArchiveOrder } from "../platform/build-archive.ts";
import { clearBuildCache } from "../platform/clear-build-cache.ts";
import type { Platform } from "../platform/platform.ts";
import { checkUpload, createSource, storeSource } from "../platform/sources.ts";
import type { AppParams } from "./app-routes.ts";
import { buildResource } from "./build-routes.ts";
import { callerOf } from "./caller.ts";
import { baseUrl, linksOf } from "./links.ts";

export interface SourceBlob {
  url: string;
  version?: string | null;
  version_description?: string | null;
  checksum?: string | null;
}

interface BuildBody {
  source_blob: SourceBlob;
  buildpacks?: unknown[] | null;
}

const text = { type: ["string", "null"], maxLength: 1_000 } as const;
export const sourceBlob = {
  type: "object",
  required: ["url"],
  properties: {
    url: { type: "string", maxLength: 4_000, description: "a `get_url`, or any `http` or `https` URL" },
    version: { ...text, description: "what the uploader calls it" },
    version_description: { ...text, description: "the subject of the commit" },
    checksum: { ...text, description: "`SHA256:` and 64 hexadecimal digits: another archive is refused" },
  },
} as const;
const buildBody = {
  type: "object",
  required: ["source_blob"],
  examples: [{ source_blob: { url: "…" } }],
  properties: {
    source_blob: sourceBlob,
    buildpacks: { type: ["array", "null"], maxItems: 100, description: "empty: a build uses those of its app" },
  },
} as const;

export function sourceRoutes(server: FastifyInstance, platform: Platform): void {
  for (const path of ["/sources", "/apps/:app/sources"]) {
    server.post<{ Params: Partial<AppParams> }>(
      path,
      { schema: { summary: "Gives addresses for an [upload](#uploads)" } },
      async (request, reply) => {
        const { app } = request.params;
        if (app !== undefined) platform.app(app);
        const { put, get } = await createSource(platform);
        const base = `${baseUrl(platform, request)}/sources`;
        void reply.status(201);
        return { source_blob: { get_url: `${base}/${get}`, put_url: `${base}/${put}` } };
      },
    );
  }

  server.post<{ Params: AppParams; Body: BuildBody }>(
    "/apps/:app/builds",
    { schema: { summary: "Begins the build of an [upload](#uploads)", body: buildBody } },
    async (request, reply) => {
      const app = platform.app(request.params.app);
      const { source_blob: blob, buildpacks } = request.body;
      if ((buildpacks ?? []).length > 0) throw otherBuildpacks();
      const record = await buildArchive(platform, app, archiveOf(blob), callerOf(request));
      void reply.status(201);
      return buildResource(platform, app, record, await linksOf(platform, request));
    },
  );

  server.delete<{ Params: AppParams }>(
    "/apps/:app/build-cache",
    { schema: { summary: "The next build keeps nothing of those before" } },
    async (request) => {
      await clearBuildCache(platform, platform.app(request.params.app), callerOf(request));
      return {};
    },
  );

  uploads(server, platform);
}

export function archiveOf({ url, version, version_description: description, checksum }: SourceBlob): ArchiveOrder {
  return {
    url,
    version: version ?? undefined,
    description: description ?? undefined,
    checksum: checksum ?? undefined,
  };
}

interface Upload {
  Params: { ticket: string };
  Body: AsyncIterable<Buffer> | undefined;
}

/** In a scope of their own: no other route takes such a body. Whoever has the address needs no token; of others no body
 *  is read. */
function uploads(server: FastifyInstance, platform: Platform): void {
  void server.register((scope, _options, done) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", (_request, body, parsed) => parsed(null, body));
    const onRequest = async (request: FastifyRequest<Upload>, reply: FastifyReply): Promise<void> => {
      void reply.header("connection", "close");
      await checkUpload(platform, request.params.ticket);
      void reply.removeHeader("connection");
    };
    scope.put<Upload>(
      "/sources/:ticket",
      { onRequest, schema: { summary: "Takes a tar, gzipped or not, of at most 500 MB" } },
      async (request) => {
        try {
          // Without a body there is nothing to read.
          await storeSource(platform, request.params.ticket, request.body ?? request.raw);
          return {};
        } finally {
          // Whoever sends too much hears it only when all is sent.
          request.raw.resume();
        }
      },
    );
    done();
  });
}

function otherBuildpacks(): AppError {
  return new AppError("invalid_params", "A build uses the buildpacks of its app.", {
    hint: "Set them first: PUT /apps/APP/buildpack-installations.",
  });
}
