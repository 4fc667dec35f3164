/** What a build and the release command of a release printed, live while it runs. */
import { Readable } from "node:stream";
import type { FastifyInstance, FastifyReply } from "fastify";
import { AppError } from "../core/error.ts";
import { formatVersion, parseVersion } from "../core/release.ts";
import { neutralise } from "../core/terminal-text.ts";
import type { App } from "../platform/app.ts";
import type { Platform } from "../platform/platform.ts";
import { followReleaseOutput } from "../platform/release-output.ts";
import type { BuildParams } from "./build-routes.ts";
import { enterWithTicket } from "./permit.ts";
import { findRelease, type ReleaseParams } from "./release-routes.ts";
import { untilGone } from "./until-gone.ts";

const TEXT = "text/plain; charset=utf-8";

export function outputRoutes(server: FastifyInstance, platform: Platform): void {
  server.get<{ Params: ReleaseParams }>(
    "/apps/:app/releases/:release/output",
    { schema: { summary: "What its build and release command printed, [live](#live-answers)" } },
    async (request, reply) => {
      const app = platform.app(request.params.app);
      const version = await versionOf(app, request.params.release);
      return sendText(reply, await releaseOutput(app, version, untilGone(reply.raw, platform.closing)));
    },
  );

  server.get<{ Params: BuildParams }>(
    "/apps/:app/builds/:build/output",
    { schema: { summary: "What it printed; of one that runs to its end" } },
    async (request, reply) => {
      const app = platform.app(request.params.app);
      const { id } = await app.builds.find(request.params.build);
      return sendText(reply, await buildOutput(app, id, untilGone(reply.raw, platform.closing)));
    },
  );

  // What `output_stream_url` names: whoever has it needs no token.
  server.get<{ Params: { ticket: string } }>(
    "/outputs/:ticket",
    { schema: { summary: "What a release or a build printed, at the address `output_stream_url`" } },
    async (request, reply) => {
      const facts = await platform.tickets.read("output", request.params.ticket);
      if (facts === undefined || facts.until <= platform.clock.now()) throw expired();
      const app = await enterWithTicket(platform, facts, { request, reply });
      const signal = untilGone(reply.raw, platform.closing);
      const output =
        "build" in facts ? buildOutput(app, facts.build, signal) : releaseOutput(app, facts.version, signal);
      return sendText(reply, harmless(await output));
    },
  );
}

type Output = AsyncIterable<string>;

/** Heroku's client shows it as it comes, perhaps to another person than the one whose code printed it. */
async function* harmless(output: Output): AsyncGenerator<string, void, undefined> {
  for await (const piece of output) yield neutralise(piece.replace(/\r\n?/g, "\n"), true);
}

function sendText(reply: FastifyReply, output: Output): FastifyReply {
  return reply.type(TEXT).send(Readable.from(output, { objectMode: false }));
}

async function releaseOutput(app: App, version: number, signal: AbortSignal): Promise<Output> {
  const output = await followReleaseOutput(app, version, signal);
  if (output !== undefined) return output;
  throw new AppError("not_found", `Release ${formatVersion(version)} has no release output available.`, {
    hint: "Only a build and a release command print something; it is kept for the newest 200 releases that did.",
  });
}

async function buildOutput(app: App, id: string, signal: AbortSignal): Promise<Output> {
  const output = await app.builds.follow(id, signal);
  if (output !== undefined) return output;
  throw new AppError("not_found", `The output of the build ${id.slice(0, 8)} is not kept.`);
}

function expired(): AppError {
  return new AppError("not_found", "This address of an output has expired.", {
    hint: "A release and a build tell theirs anew as output_stream_url.",
    resource: "output",
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
