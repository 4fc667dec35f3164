/** What Heroku has and this platform has not. Lists are empty, so that Heroku's clients go on; one of them is not found;
 *  and what would make one says why that cannot be, and what to do instead. */
import type { FastifyInstance } from "fastify";
import { AppError } from "../core/error.ts";
import { visibleApps } from "../platform/access.ts";
import type { Platform } from "../platform/platform.ts";
import type { AppParams } from "./app-routes.ts";
import { visitorOf } from "./caller.ts";
import { appResource } from "./resources.ts";

interface Absent {
  /** Heroku's word for one. */
  resource: string;
  /** `add-on` */
  words: string;
  hint: string;
}

const ADDON: Absent = {
  resource: "add_on",
  words: "add-on",
  hint: "Give the app the address of a service: git heroku config:set DATABASE_URL=…",
};

/** The last part of a path → what its list would hold. */
const OF_APPS: Readonly<Record<string, Absent>> = {
  addons: ADDON,
  "addon-attachments": { ...ADDON, resource: "addon_attachment", words: "add-on attachment" },
  "sni-endpoints": {
    resource: "sni_endpoint",
    words: "certificate",
    hint: "A proxy in front of the router keeps certificates.",
  },
  "telemetry-drains": {
    resource: "telemetry_drain",
    words: "telemetry drain",
    hint: "Logs have drains: git heroku drains:add URL",
  },
};

const OF_ALL: Readonly<Record<string, Absent>> = {
  addons: ADDON,
  "addon-attachments": OF_APPS["addon-attachments"] ?? ADDON,
  "addon-services": { ...ADDON, resource: "addon_service", words: "add-on service" },
  "telemetry-drains": OF_APPS["telemetry-drains"] ?? ADDON,
};

const filterBody = {
  type: "object",
  required: ["in"],
  examples: [{ in: { id: ["foobaz"] } }],
  properties: {
    in: {
      type: "object",
      required: ["id"],
      properties: { id: { type: "array", maxItems: 1000, items: { type: "string", maxLength: 100 } } },
    },
  },
} as const;

export function absentRoutes(server: FastifyInstance, platform: Platform): void {
  for (const [path, absent] of Object.entries(OF_APPS)) {
    // An app that is not there is what is told first.
    offer(server, `/apps/:app/${path}`, absent, (params) => void platform.app(params.app));
  }
  for (const [path, absent] of Object.entries(OF_ALL)) offer(server, `/${path}`, absent);
  server.get("/addon-services/:name/plans", { schema: { summary: "Always 404" } }, () =>
    notFound({ ...ADDON, resource: "addon_service" }),
  );
  for (const [path, absent] of Object.entries(OF_ALL).slice(0, 2)) {
    server.post(`/actions/${path}/resolve`, { schema: { summary: "Always 404" } }, () => notFound(absent));
  }

  server.post<{ Body: { in: { id: string[] } } }>(
    "/filters/apps",
    { schema: { summary: "Those of these apps that there are, by name or id", body: filterBody } },
    async (request) => {
      const wanted = new Set(request.body.in.id);
      const apps = await visibleApps(platform, visitorOf(request));
      return Promise.all(
        apps
          .filter(({ id, name }) => wanted.has(id) || wanted.has(name))
          .map((app) => appResource(platform, app, request)),
      );
    },
  );
}

const ABSENT = { config: { absent: true } } as const;

function offer(
  server: FastifyInstance,
  path: string,
  absent: Absent,
  check: (params: AppParams) => void = () => undefined,
): void {
  server.get<{ Params: AppParams }>(path, ABSENT, ({ params }) => {
    check(params);
    return [];
  });
  server.post<{ Params: AppParams }>(path, ABSENT, ({ params }) => {
    check(params);
    return refuse(absent);
  });
  for (const method of ["GET", "PATCH", "DELETE"] as const) {
    server.route<{ Params: AppParams }>({
      ...ABSENT,
      method,
      url: `${path}/:name`,
      handler: ({ params }) => {
        check(params);
        return notFound(absent);
      },
    });
  }
}

function refuse({ words, hint }: Absent): never {
  throw new AppError("invalid_params", `This platform has no ${words}s.`, { hint });
}

function notFound({ resource, words, hint }: Absent): never {
  throw new AppError("not_found", `Couldn't find that ${words}.`, { hint, resource });
}
