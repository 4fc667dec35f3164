/** /apps/A/releases/R/output: what the build and the release command of a release printed, live while it runs. */
import { Readable } from "node:stream";
import type { FastifyInstance } from "fastify";
import { AppError } from "../core/error.ts";
import { formatVersion, parseVersion } from "../core/release.ts";
import type { App } from "../platform/app.ts";
import type { Platform } from "../platform/platform.ts";
import { followReleaseOutput } from "../platform/release-output.ts";
import { findRelease, type ReleaseParams } from "./release-routes.ts";
import { untilGone } from "./until-gone.ts";

export const TEXT = "text/plain; charset=utf-8";

export function outputRoutes(server: FastifyInstance, platform: Platform): void {
  server.get<{ Params: ReleaseParams }>("/apps/:app/releases/:release/output", async (request, reply) => {
    const app = platform.app(request.params.app);
    const version = await versionOf(app, request.params.release);
    const signal = untilGone(reply.raw, platform.closing);
    const output = await followReleaseOutput(app, version, signal);
    if (output === undefined) {
      throw new AppError("not_found", `Release ${formatVersion(version)} has no release output available.`, {
        hint: "Only a build and a release command print something; it is kept for the newest 200 releases that did.",
      });
    }
    return reply.type(TEXT).send(Readable.from(output, { objectMode: false }));
  });
}

/** One whose release command runs is not in the ledger yet. */
async function versionOf(app: App, text: string): Promise<number> {
  const { phase } = app;
  const isVersion = /^v?[1-9]\d{0,8}$/i.test(text);
  if (phase !== undefined && (text === "newest" || (isVersion && parseVersion(text) === phase.version)))
    return phase.version;
  return (await findRelease(app, text)).version;
}
