/** What it takes to ask each route: the one table of all rights. A route that is not in it cannot be made. */
import type { Need, Permission } from "../core/access.ts";

/** Beside what an app asks for: `open` needs nobody's name, `person` anybody who has a token or key, `admin` who may do
 *  everything, and `socket` the platform's own user, on its own machine. */
export type RouteNeed = Need | "open" | "person" | "admin" | "socket";

export const VIEW: readonly Permission[] = ["view"];
export const DEPLOY: readonly Permission[] = ["deploy"];
export const OPERATE: readonly Permission[] = ["operate"];
/** What shows or sets config vars, runs code with them, or changes releases without new code. */
export const DEPLOY_OR_OPERATE: readonly Permission[] = ["deploy", "operate"];
export const MANAGE: readonly Permission[] = ["manage"];

/** GET, below an app: what shows no secret. */
const VIEWED: readonly string[] = [
  "",
  "/bisect",
  "/buildpack-installations",
  "/builds",
  "/builds/:build",
  "/builds/:build/output",
  "/collaborators",
  "/collaborators/:name",
  "/config-blame",
  "/disk",
  "/domains",
  "/domains/:name",
  "/dynos",
  "/dynos/:name",
  "/dynos/actions/wait",
  "/features",
  "/features/:name",
  "/formation",
  "/formation/:type",
  "/limits",
  "/log-count",
  "/log-drains",
  "/log-drains/:name",
  "/log-errors",
  "/log-imports",
  "/log-processes",
  "/log-segments",
  "/log-segments/:name",
  "/log-segments/:name/index",
  "/log-stats",
  "/logs",
  "/marks",
  "/pipeline-couplings",
  "/releases",
  "/releases/:release",
  "/releases/:release/details",
  "/releases/:release/diff",
  "/releases/:release/output",
  "/releases/actions/verify",
  "/settings",
  "/slugs",
  "/slugs/:name",
];

/** Of the routes of an app, those that change it or show its secrets. */
const OF_APPS: Readonly<Record<string, Need>> = {
  // What else a change of an app may want is asked where its body is known.
  "PATCH /apps/:app": VIEW,
  "DELETE /apps/:app": "owner",
  "PATCH /apps/:app/features/:name": OPERATE,
  "PATCH /apps/:app/settings": OPERATE,
  "POST /apps/:app/collaborators": MANAGE,
  "PATCH /apps/:app/collaborators/:name": MANAGE,
  // Whoever may not manage may still leave.
  "DELETE /apps/:app/collaborators/:name": VIEW,
  "POST /apps/:app/domains": OPERATE,
  "DELETE /apps/:app/domains/:name": OPERATE,
  "PUT /apps/:app/buildpack-installations": DEPLOY,
  "GET /apps/:app/config-vars": DEPLOY_OR_OPERATE,
  "PATCH /apps/:app/config-vars": DEPLOY_OR_OPERATE,
  "POST /apps/:app/config-vars/actions/rotate-key": MANAGE,
  "GET /apps/:app/config-history/:name": DEPLOY_OR_OPERATE,
  // It has the key that all config vars are encrypted with.
  "POST /apps/:app/backups": MANAGE,

  "PATCH /apps/:app/formation": OPERATE,
  "PATCH /apps/:app/formation/:type": OPERATE,
  "PATCH /apps/:app/limits/:type": OPERATE,
  "POST /apps/:app/dynos": DEPLOY_OR_OPERATE,
  "DELETE /apps/:app/dynos": OPERATE,
  "DELETE /apps/:app/dynos/:name": OPERATE,
  "DELETE /apps/:app/formations/:name": OPERATE,
  "POST /apps/:app/dynos/:name/actions/stop": OPERATE,
  "POST /apps/:app/formations/:name/actions/stop": OPERATE,

  "POST /apps/:app/releases": DEPLOY_OR_OPERATE,
  "PATCH /apps/:app/releases/:release": DEPLOY_OR_OPERATE,
  "GET /apps/:app/releases/:release/config-vars": DEPLOY_OR_OPERATE,
  "POST /apps/:app/releases/:release/actions/revert": DEPLOY_OR_OPERATE,
  "POST /apps/:app/releases/actions/redeploy": DEPLOY,
  // What it takes to release in the other app is asked where that is known.
  "POST /apps/:app/actions/promote": VIEW,
  "POST /apps/:app/bisect": DEPLOY_OR_OPERATE,
  "DELETE /apps/:app/bisect": DEPLOY_OR_OPERATE,
  "POST /apps/:app/bisect/actions/step": DEPLOY_OR_OPERATE,

  "POST /apps/:app/builds": DEPLOY,
  "DELETE /apps/:app/builds/:build": DEPLOY,
  "DELETE /apps/:app/build-cache": DEPLOY,
  "POST /apps/:app/sources": DEPLOY,
  "POST /apps/:app/slugs": DEPLOY,

  "POST /apps/:app/log-drains": OPERATE,
  "DELETE /apps/:app/log-drains/:name": OPERATE,
  "GET /apps/:app/webhooks": OPERATE,
  "POST /apps/:app/webhooks": OPERATE,
  "GET /apps/:app/webhooks/:id": OPERATE,
  "PATCH /apps/:app/webhooks/:id": OPERATE,
  "DELETE /apps/:app/webhooks/:id": OPERATE,
  "GET /apps/:app/webhook-deliveries": OPERATE,
  "GET /apps/:app/webhook-deliveries/:id": OPERATE,
  "GET /apps/:app/webhook-events": OPERATE,
  "GET /apps/:app/webhook-events/:id": OPERATE,
  "POST /apps/:app/log-sessions": VIEW,
  "POST /apps/:app/log-imports/:name": OPERATE,
  // With the service of a push it takes what a push takes.
  "GET /:app.git/info/refs": VIEW,
  "POST /:app.git/git-upload-pack": VIEW,
  "POST /:app.git/git-receive-pack": DEPLOY,
  "DELETE /apps/:app/log-imports/:name": OPERATE,
};

const OTHER: Readonly<Record<string, RouteNeed>> = {
  "GET /health": "open",
  // Their addresses are secrets, which are given to nobody who may not have what they lead to.
  "GET /attachments/:name": "open",
  "GET /rendezvous/:name": "open",
  "GET /log-sessions/:ticket": "open",
  "GET /outputs/:ticket": "open",
  "PUT /sources/:ticket": "open",
  // It names files of this machine.
  "POST /restores": "socket",
  "GET /platform": "admin",
  "GET /platform/doctor": "admin",
  "POST /platform/actions/stop": "admin",
  "POST /platform/actions/replace-router": "admin",

  "POST /app-setups": "person",
  "GET /app-setups/:app": VIEW,
  "GET /apps": "person",
  "POST /apps": "person",
  "POST /filters/apps": "person",
  "GET /users/~": "person",
  "GET /users/~/apps": "person",
  "GET /account": "person",
  "GET /account/features": "person",
  "GET /account/features/:name": "person",
  "GET /account/keys": "person",
  "POST /account/keys": "person",
  "GET /account/keys/:name": "person",
  "DELETE /account/keys/:name": "person",
  "GET /account/rate-limits": "person",
  "GET /oauth/authorizations": "person",
  "POST /oauth/authorizations": "person",
  "GET /oauth/authorizations/:id": "person",
  "DELETE /oauth/authorizations/:id": "person",
  "GET /oauth/clients": "person",
  "GET /oauth/sessions": "person",
  "DELETE /oauth/sessions/:id": "person",
  "GET /regions": "person",
  "GET /rendezvous": "person",
  "GET /stacks": "person",
  "GET /schema": "person",
  "POST /sources": "person",
  "GET /teams": "person",
  "GET /addon-services/:name/plans": "person",
  "POST /actions/addons/resolve": "person",
  "POST /actions/addon-attachments/resolve": "person",

  // They show and change what the person may see and change of their apps.
  "GET /pipelines": "person",
  "POST /pipelines": "person",
  "GET /pipelines/:id": "person",
  "PATCH /pipelines/:id": "person",
  "DELETE /pipelines/:id": "person",
  "GET /pipelines/:id/pipeline-couplings": "person",
  "GET /pipeline-couplings": "person",
  "POST /pipeline-couplings": "person",
  "GET /pipeline-couplings/:id": "person",
  "PATCH /pipeline-couplings/:id": "person",
  "DELETE /pipeline-couplings/:id": "person",
  "POST /pipeline-promotions": "person",
  "GET /pipeline-promotions/:id": "person",
  "GET /pipeline-promotions/:id/promotion-targets": "person",
};

const VIEWED_ROUTES = VIEWED.map((path): [string, Need] => [`GET /apps/:app${path}`, VIEW]);
const NEEDS: ReadonlyMap<string, RouteNeed> = new Map([
  ...VIEWED_ROUTES,
  ...Object.entries(OF_APPS),
  ...Object.entries(OTHER),
]);

/** Undefined for a route that nobody has thought of.
 *  @param isAbsent whether it is of what is not here, and does nothing */
export function needOf(method: string, url: string, isAbsent: boolean): RouteNeed | undefined {
  if (isAbsent) return url.startsWith("/apps/:app/") ? VIEW : "person";
  return NEEDS.get(`${method === "HEAD" ? "GET" : method} ${url}`);
}
