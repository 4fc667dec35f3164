/** /apps/A/domains: the host names of an app, in Heroku's shape. */
import type { FastifyInstance } from "fastify";
import { AppError } from "../core/error.ts";
import { listDomains, addDomains, removeDomain, type Domain } from "../platform/domains.ts";
import type { App } from "../platform/app.ts";
import type { Platform } from "../platform/platform.ts";
import type { AppParams } from "./app-routes.ts";
import { callerOf } from "./caller.ts";
import { idOf, iso, type Resource } from "./resources.ts";

const addBody = {
  type: "object",
  examples: [{ hostname: "www.example.com" }],
  properties: {
    hostname: { type: "string", maxLength: 300, description: "this or `hostnames`" },
    hostnames: {
      type: "array",
      minItems: 1,
      maxItems: 100,
      items: { type: "string", maxLength: 300 },
      description: "all of them, or none",
    },
  },
} as const;

interface AddBody {
  hostname?: string;
  hostnames?: string[];
}

export function domainRoutes(server: FastifyInstance, platform: Platform): void {
  server.get<{ Params: AppParams }>(
    "/apps/:app/domains",
    { schema: { summary: "Its host names, the platform's own first" } },
    async (request) => {
      return domainsOf(platform, platform.app(request.params.app));
    },
  );

  server.get<{ Params: AppParams & { name: string } }>(
    "/apps/:app/domains/:name",
    { schema: { summary: "One of them, by host name or id" } },
    async (request) => {
      const { app, name } = request.params;
      const all = await domainsOf(platform, platform.app(app));
      const found = all.find(({ id, hostname }) => id === name || hostname === name.toLowerCase());
      if (found !== undefined) return found;
      throw new AppError("not_found", "Couldn't find that domain name.", {
        hint: `\`git heroku domains --app ${app}\` lists the domains there are.`,
        resource: "domain",
      });
    },
  );

  server.post<{ Params: AppParams; Body: AddBody }>(
    "/apps/:app/domains",
    {
      schema: {
        summary: "Adds one, or with `hostnames` several, which are answered as a list",
        body: { ...addBody, anyOf: [{ required: ["hostname"] }, { required: ["hostnames"] }] },
      },
    },
    async (request, reply) => {
      const app = platform.app(request.params.app);
      const { hostname, hostnames = [] } = request.body;
      const names = hostname === undefined ? hostnames : [hostname, ...hostnames];
      const added = await addDomains(platform, app, names, callerOf(request));
      const resources = added.map((domain) => domainResource(platform, app, domain));
      void reply.status(201);
      return hostname === undefined ? resources : resources[0];
    },
  );

  server.delete<{ Params: AppParams & { name: string } }>(
    "/apps/:app/domains/:name",
    { schema: { summary: "Removes it, and answers it as it was" } },
    async (request) => {
      const app = platform.app(request.params.app);
      const domain = await removeDomain(platform, app, request.params.name, callerOf(request));
      return domainResource(platform, app, domain);
    },
  );
}

async function domainsOf(platform: Platform, app: App): Promise<Resource[]> {
  const first = await app.ledger.get(1);
  const own = (await listDomains(app)).map((domain) => domainResource(platform, app, domain));
  return [ownDomain(platform, app, iso(first.createdAt)), ...own];
}

/** The name that every app has. */
function ownDomain(platform: Platform, app: App, createdAt: string): Resource {
  const { hostname } = new URL(platform.webUrl(app.name));
  return { ...common(app, hostname, createdAt), cname: null, kind: "heroku" };
}

function domainResource(platform: Platform, app: App, { name, addedAt }: Domain): Resource {
  const { hostname } = new URL(platform.webUrl(app.name));
  return { ...common(app, name, addedAt), cname: hostname, kind: "custom" };
}

function common(app: App, hostname: string, at: string): Resource {
  return {
    acm_status: null,
    acm_status_reason: null,
    app: { id: app.id, name: app.name },
    created_at: at,
    hostname,
    id: idOf(app.id, "domain", hostname),
    sni_endpoint: null,
    status: "none",
    updated_at: at,
  };
}
