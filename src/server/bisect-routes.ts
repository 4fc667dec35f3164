/** /apps/A/bisect: the search for the first bad release. A client asks for one step after the other, and may stop at any
 *  time; what was found is kept. */
import type { FastifyInstance } from "fastify";
import type { BisectStep } from "../core/bisect.ts";
import { probesFor } from "../core/bisect.ts";
import type { BisectRecord } from "../core/bisect-record.ts";
import type { App } from "../platform/app.ts";
import type { BisectPlan, BisectState } from "../platform/bisect.ts";
import type { Platform } from "../platform/platform.ts";
import type { AppParams } from "./app-routes.ts";
import { callerOf } from "./caller.ts";
import { releaseResource } from "./resources.ts";

interface BisectBody {
  command: string;
  good?: number;
  bad?: number;
  timeout?: number;
  trust?: boolean;
  dry_run?: boolean;
}

/** A command that takes longer than this is no probe; of a one-off process Heroku's limit is a day. */
const TIMEOUT_DEFAULT = 600;
const TIMEOUT_MAX = 86_400;

const version = { type: "integer", minimum: 1, maximum: 999_999_999 } as const;
const good = { ...version, description: "a version; usually the oldest release with code" } as const;
const bad = { ...version, description: "a version; usually the current one" } as const;
const bisectBody = {
  type: "object",
  required: ["command"],
  examples: [{ command: "npm test", good: 60 }],
  properties: {
    command: { type: "string", description: "what tells a good release from a bad one" },
    good,
    bad,
    timeout: {
      type: "integer",
      minimum: 1,
      maximum: TIMEOUT_MAX,
      description: "in seconds, for each probe: usually 600",
    },
    trust: { type: "boolean", description: "do not try the two ends first" },
    dry_run: { type: "boolean", description: "200, and what it would look at" },
  },
} as const;

export function bisectRoutes(server: FastifyInstance, platform: Platform): void {
  server.get<{ Params: AppParams }>(
    "/apps/:app/bisect",
    { schema: { summary: "The search for the first bad release" } },
    async (request) => {
      const app = platform.app(request.params.app);
      return stateResource(app, await app.bisect.state());
    },
  );

  server.post<{ Params: AppParams; Body: BisectBody }>(
    "/apps/:app/bisect",
    { schema: { summary: "Begins one; while one is `running`, another is refused with 409", body: bisectBody } },
    async (request, reply) => {
      const app = platform.app(request.params.app);
      const { command, good, bad, timeout = TIMEOUT_DEFAULT, trust = false, dry_run: isDry } = request.body;
      const asked = { command, good, bad, timeoutMs: timeout * 1000, trusting: trust };
      if (isDry === true) return planResource(app, await app.bisect.plan(asked));
      await app.bisect.start(asked, callerOf(request));
      void reply.status(201);
      return stateResource(app, await app.bisect.state());
    },
  );

  server.delete<{ Params: AppParams }>(
    "/apps/:app/bisect",
    { schema: { summary: "Forgets it, and ends a probe under way" } },
    async (request) => {
      await platform.app(request.params.app).bisect.reset(callerOf(request));
      return {};
    },
  );

  server.post<{ Params: AppParams }>(
    "/apps/:app/bisect/actions/step",
    {
      schema: {
        summary:
          "Answered when the next probe has ended, which takes as long as the command; when its client leaves, the probe goes on and counts",
      },
    },
    async (request) => {
      const app = platform.app(request.params.app);
      return stateResource(app, await app.bisect.step());
    },
  );
}

async function stateResource(app: App, { record, step }: BisectState): Promise<Record<string, unknown>> {
  return {
    ...askedResource(app, record),
    verdicts: await Promise.all(
      record.verdicts.map(async ({ version, verdict, reason }) =>
        Object.assign(await named(app, version), { verdict, reason }),
      ),
    ),
    ...(await stepResource(app, step)),
  };
}

function askedResource(app: App, record: BisectRecord): Record<string, unknown> {
  const { good, bad, command, timeoutMs, trusting } = record;
  return {
    app: { id: app.id, name: app.name },
    good,
    bad,
    command,
    timeout: timeoutMs / 1000,
    trust: trusting,
  };
}

async function named(app: App, version: number): Promise<{ version: number; description: string }> {
  return { version, description: (await app.ledger.get(version)).description };
}

const NOTHING = { next: null, first_bad: null, before: null, suspects: [], refuted: null };

async function stepResource(app: App, step: BisectStep): Promise<Record<string, unknown>> {
  switch (step.kind) {
    case "check":
      return {
        ...NOTHING,
        status: "running",
        next: { ...(await named(app, step.version)), expected: step.expected, left: null, steps: null },
      };
    case "probe":
      return {
        ...NOTHING,
        status: "running",
        next: { ...(await named(app, step.version)), expected: null, left: step.left, steps: step.steps },
      };
    case "found":
      return { ...NOTHING, status: "found", first_bad: await releaseOf(app, step.version), before: step.before };
    case "undecided": {
      const suspects = await Promise.all(step.versions.map((version) => named(app, version)));
      return { ...NOTHING, status: "undecided", suspects, before: step.before };
    }
    case "refuted": {
      const { expected, verdict } = step;
      return { ...NOTHING, status: "refuted", refuted: { ...(await named(app, step.version)), expected, verdict } };
    }
  }
}

async function releaseOf(app: App, version: number): Promise<Record<string, unknown>> {
  return releaseResource(app, await app.ledger.get(version), await app.ledger.current());
}

async function planResource(app: App, { record, candidates }: BisectPlan): Promise<Record<string, unknown>> {
  const { good, bad, trusting } = record;
  const between = candidates.length - 2;
  const left = new Set(candidates.map(({ tree }) => tree)).size;
  return {
    ...askedResource(app, record),
    releases: await Promise.all(candidates.map(({ version }) => named(app, version))),
    /** Failed ones, and those without code. */
    left_out: bad - good + 1 - candidates.length,
    copies: candidates.length - left,
    probes_max: probesFor(between) + (trusting ? 0 : 2),
  };
}
