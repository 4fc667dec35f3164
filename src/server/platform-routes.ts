/** /platform: the daemon itself: status, doctor, stop. */
import type { FastifyInstance } from "fastify";
import type { Platform } from "../platform/platform.ts";
import { iso } from "./resources.ts";

/** What the daemon's program lets a request do to it. */
export interface DaemonControl {
  version: string;
  startedAt: number;
  /** Begins a shutdown; the answer still goes out. */
  stop(options: { apps: boolean }): void;
  /** The router process that serves. */
  router(): RouterStatus;
  /** Resolves when a new router process serves in its place.
   *  @throws AppError unavailable when none comes up; the old one goes on */
  replaceRouter(): Promise<void>;
  doctor(): Promise<DoctorLine[]>;
}

export interface RouterStatus {
  pid: number;
  port: number;
  version: string;
  /** Milliseconds since the epoch. */
  startedAt: number;
}

export interface DoctorLine {
  name: string;
  /** False only for an error. */
  ok: boolean;
  level: "ok" | "warning" | "error";
  message: string;
  hint?: string;
}

const stopBody = {
  type: ["object", "null"],
  examples: [{ apps: true }],
  properties: { apps: { type: "boolean" } },
} as const;

export function platformRoutes(server: FastifyInstance, platform: Platform, control: DaemonControl): void {
  server.get("/health", { schema: { summary: "Whether it answers" } }, () => ({ status: "ok" }));

  server.get("/platform", { schema: { summary: "The daemon" } }, async () => ({
    version: control.version,
    pid: process.pid,
    home: platform.home.root,
    started_at: iso(control.startedAt),
    router_url: platform.routerUrl,
    api_url: platform.apiUrl,
    certificate: await server.rendezvous.certificateFile(),
    router: routerResource(control.router()),
    apps: platform.list().length,
    processes: platform.list().reduce((sum, app) => sum + app.processes().length, 0),
    rss_bytes: process.memoryUsage.rss(),
  }));

  server.post<{ Body: { apps?: boolean } | undefined }>(
    "/platform/actions/stop",
    { schema: { summary: "Stops the daemon, with `apps` its apps too", body: stopBody } },
    (request, reply) => {
      control.stop({ apps: request.body?.apps === true });
      return reply.status(202).send({});
    },
  );

  server.post(
    "/platform/actions/replace-router",
    { schema: { summary: "A new router, which serves in the place of the one before; no request fails" } },
    async () => {
      await control.replaceRouter();
      return routerResource(control.router());
    },
  );

  server.get("/platform/doctor", { schema: { summary: "What `git heroku doctor` says of this machine" } }, () =>
    control.doctor(),
  );
}

function routerResource({ pid, port, version, startedAt }: RouterStatus): Record<string, unknown> {
  return { pid, port, version, started_at: iso(startedAt) };
}
