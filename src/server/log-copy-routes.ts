/** /apps/A/log-segments and /apps/A/log-imports: logs that leave as they are stored, and logs that come from elsewhere. */
import { Readable } from "node:stream";
import type { FastifyInstance } from "fastify";
import { AppError } from "../core/error.ts";
import { importLogs, listImports, removeImport } from "../platform/import-logs.ts";
import type { Platform } from "../platform/platform.ts";
import type { AppParams } from "./app-routes.ts";
import { callerOf } from "./caller.ts";
import { NDJSON } from "./live-answer.ts";
import { untilGone } from "./until-gone.ts";

interface NamedParams extends AppParams {
  name: string;
}

export function logCopyRoutes(server: FastifyInstance, platform: Platform): void {
  segmentRoutes(server, platform);
  importRoutes(server, platform);
}

function segmentRoutes(server: FastifyInstance, platform: Platform): void {
  server.get<{ Params: AppParams }>(
    "/apps/:app/log-segments",
    { schema: { summary: "[Segments](formats.md#log) that will not change any more, oldest first" } },
    (request) => platform.app(request.params.app).logs.sealed().list(),
  );

  server.get<{ Params: NamedParams }>(
    "/apps/:app/log-segments/:name",
    { schema: { summary: "One of them, with its SHA-256 in `Repr-Digest` (RFC 9530)" } },
    async (request, reply) => {
      const { app, name } = request.params;
      const segment = await platform.app(app).logs.sealed().open(name);
      if (segment === undefined) throw noSegment(name);
      return reply
        .type(NDJSON)
        .header("content-length", segment.bytes)
        .header("repr-digest", `sha-256=:${segment.digest}:`)
        .send(Readable.from(segment.content, { objectMode: false }));
    },
  );

  server.get<{ Params: NamedParams }>(
    "/apps/:app/log-segments/:name/index",
    { schema: { summary: "Its [index](formats.md#index), as it is on the disk; 404 without one" } },
    async (request, reply) => {
      const { app, name } = request.params;
      const index = await platform.app(app).logs.sealed().index(name);
      if (index === undefined) throw noSegment(name);
      return reply.type("application/octet-stream").send(index);
    },
  );
}

function importRoutes(server: FastifyInstance, platform: Platform): void {
  server.get<{ Params: AppParams }>(
    "/apps/:app/log-imports",
    { schema: { summary: "Logs that came from elsewhere, by name" } },
    (request) => listImports(platform, platform.app(request.params.app)),
  );

  server.delete<{ Params: NamedParams }>(
    "/apps/:app/log-imports/:name",
    { schema: { summary: "Removes it" } },
    async (request) => {
      await removeImport(platform, platform.app(request.params.app), request.params.name, callerOf(request));
      return {};
    },
  );

  // In a scope of its own: no other route takes such a body.
  void server.register((scope, _options, done) => {
    scope.addContentTypeParser(NDJSON, (_request, body, parsed) => parsed(null, body));
    scope.post<{ Params: NamedParams; Body: AsyncIterable<Buffer> }>(
      "/apps/:app/log-imports/:name",
      { schema: { summary: "Takes [lines](#imported-lines) of any order" } },
      async (request, reply) => {
        const { app, name } = request.params;
        const signal = untilGone(reply.raw, platform.closing);
        try {
          const order = { name, bytes: request.body, actor: callerOf(request), signal };
          const imported = await importLogs(platform, platform.app(app), order);
          return await reply.status(201).send(imported);
        } finally {
          // Whoever is refused hears it only when all is sent.
          request.raw.resume();
        }
      },
    );
    done();
  });
}

function noSegment(name: string): AppError {
  return new AppError("not_found", `There is no finished segment ${JSON.stringify(name.slice(0, 60))}.`, {
    hint: "The list has those that will not change any more.",
  });
}
