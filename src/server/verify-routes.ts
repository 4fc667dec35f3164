/** /apps/A/releases/actions/verify: an audit of the ledger by the platform itself. */
import type { FastifyInstance } from "fastify";
import { formatReport } from "../core/audit-report.ts";
import type { Platform } from "../platform/platform.ts";
import { verifyReleases } from "../platform/verify-releases.ts";
import type { AppParams } from "./app-routes.ts";

export function verifyRoutes(server: FastifyInstance, platform: Platform): void {
  server.get<{ Params: AppParams }>(
    "/apps/:app/releases/actions/verify",
    { schema: { summary: "An audit of the ledger; long ones take seconds" } },
    async (request) => {
      const app = platform.app(request.params.app);
      return formatReport(app.name, await verifyReleases(platform, app));
    },
  );
}
