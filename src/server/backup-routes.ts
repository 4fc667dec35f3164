/** /apps/A/backups and /restores. A backup's keys are encrypted for the caller, so no answer holds a secret in plain; a
 *  restore tells how far it is, one JSON object a line, and last what came of it. */
import { PassThrough } from "node:stream";
import type { FastifyInstance } from "fastify";
import type { BackupKeys } from "../core/backup.ts";
import type { Actor } from "../platform/actor.ts";
import { backupApp } from "../platform/backup-app.ts";
import type { Platform } from "../platform/platform.ts";
import { restoreApp, type RestoreProgress } from "../platform/restore-app.ts";
import { answerFor } from "./answer-for.ts";
import type { AppParams } from "./app-routes.ts";
import { callerOf } from "./caller.ts";
import { NDJSON } from "./live-answer.ts";
import { untilGone } from "./until-gone.ts";

interface RestoreBody {
  name: string;
  path: string;
  bundle?: { offset: number; bytes: number };
  head?: { version: number; oid: string };
  keys: BackupKeys;
}

const backupBody = {
  type: "object",
  required: ["recipient"],
  examples: [{ recipient: "age1…" }],
  // A post-quantum recipient of age has some 2000 characters.
  properties: { recipient: { type: "string", maxLength: 4000 } },
} as const;

const restoreBody = {
  type: "object",
  required: ["name", "path", "keys"],
  properties: {
    name: { type: "string", maxLength: 200 },
    path: { type: "string", pattern: "^/", maxLength: 4096, description: "a mirror clone or a file of the machine" },
    bundle: {
      type: "object",
      description: "where in the file the git bundle is; else all of it",
      required: ["offset", "bytes"],
      properties: { offset: { type: "integer", minimum: 0 }, bytes: { type: "integer", minimum: 0 } },
    },
    head: {
      type: "object",
      description: "MUST be the bundle's",
      required: ["version", "oid"],
      properties: { version: { type: "integer" }, oid: { type: "string", maxLength: 64 } },
    },
    keys: {
      type: "object",
      description: "[`keys.json`](formats.md#backup)",
      required: ["config"],
      properties: { config: { type: "object" }, ledger: { type: "string", maxLength: 10_000 } },
    },
  },
} as const;

export function backupRoutes(server: FastifyInstance, platform: Platform): void {
  server.post<{ Params: AppParams; Body: { recipient: string } }>(
    "/apps/:app/backups",
    { schema: { summary: "A [backup](formats.md#backup), `keys.age` for that age recipient", body: backupBody } },
    async (request, reply) => {
      const app = platform.app(request.params.app);
      const { recipient } = request.body;
      const signal = untilGone(reply.raw, app.ending);
      const { sizeBytes, stream } = await backupApp(platform, app, { recipient, actor: callerOf(request), signal });
      return reply.type("application/x-tar").header("content-length", sizeBytes).send(stream);
    },
  );

  server.post<{ Body: RestoreBody }>(
    "/restores",
    { schema: { summary: "Makes an app of a backup; its [lines](#restore) tell how far it is", body: restoreBody } },
    (request, reply) => {
      const lines = new PassThrough();
      // Whoever asked may leave: the restore goes on.
      const say = (line: object): void => {
        if (!lines.destroyed) lines.write(`${JSON.stringify(line)}\n`);
      };
      void restore(platform, request.body, callerOf(request), say).finally(() => lines.end());
      return reply.type(NDJSON).send(lines);
    },
  );
}

/** Never rejects: the last line says what came of it. */
async function restore(
  platform: Platform,
  body: RestoreBody,
  actor: Actor,
  say: (line: object) => void,
): Promise<void> {
  try {
    const done = await restoreApp(platform, { ...body, actor }, progressTo(say));
    const { app, head, isVouchedFor, fault } = done;
    say({
      restored: {
        name: app.name,
        version: head.version,
        ledger_key_known: isVouchedFor,
        ...(fault && { fault: { message: fault.message, hint: fault.hint } }),
      },
    });
  } catch (error) {
    const { id, message, hint } = answerFor(error);
    if (id === "internal_server_error") platform.journal.fault("restore", error);
    say({ error: { id, message, hint } });
  }
}

/** A large repository has millions of chunks; nobody wants more than a hundred lines. */
function progressTo(say: (line: object) => void): RestoreProgress {
  let last = "";
  return {
    output: (text) => say({ output: text }),
    share: (what, done) => {
      const percent = done === undefined ? undefined : Math.floor(done * 100);
      const line = { progress: { what, ...(percent !== undefined && { percent }) } };
      if (JSON.stringify(line) !== last) say(line);
      last = JSON.stringify(line);
    },
  };
}
