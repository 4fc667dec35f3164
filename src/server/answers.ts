/** What each route answers: the one source for the checks of the tests, the page docs/api.md and the document at /schema. */
import * as accounts from "./account-schemas.ts";
import * as heroku from "./heroku-schemas.ts";
import * as logs from "./log-schemas.ts";
import * as own from "./own-schemas.ts";
import * as pipelines from "./pipeline-schemas.ts";
import * as webhooks from "./webhook-schemas.ts";
import { empty, emptyList, list, map, text, type Schema } from "./schema-words.ts";

/** By name, as the document refers to them. */
export const OBJECTS: Readonly<Record<string, Schema>> = {
  ...accounts,
  ...heroku,
  ...logs,
  ...own,
  ...pipelines,
  ...webhooks,
};

/** A JSON answer by its status, or the content type of another one. A list that is cut, 206, is as the whole one. */
export type Answer = Readonly<Record<number, Schema>> | string;

const TEXT = "text/plain";
const NDJSON = "application/x-ndjson";

const ok = (schema: Schema): Answer => ({ 200: schema });
const made = (schema: Schema): Answer => ({ 201: schema });
const accepted: Answer = { 202: empty };
const done = ok(empty);
const none = ok(emptyList());
/** It never answers anything but an error. */
const refused: Answer = {};

const APPS: Readonly<Record<string, Answer>> = {
  "GET /apps": ok(list(heroku.app)),
  "POST /apps": made(heroku.app),
  "POST /filters/apps": ok(list(heroku.app)),
  "GET /apps/:app": ok(heroku.app),
  "PATCH /apps/:app": ok(heroku.app),
  "DELETE /apps/:app": ok(heroku.app),
  "GET /apps/:app/features": ok(list(heroku.feature)),
  "GET /apps/:app/features/:name": ok(heroku.feature),
  "PATCH /apps/:app/features/:name": ok(heroku.feature),
  "GET /apps/:app/collaborators": ok(list(heroku.collaborator)),
  "GET /apps/:app/collaborators/:name": ok(heroku.collaborator),
  "POST /apps/:app/collaborators": made(heroku.collaborator),
  "PATCH /apps/:app/collaborators/:name": ok(heroku.collaborator),
  "DELETE /apps/:app/collaborators/:name": ok(heroku.collaborator),
  "GET /apps/:app/settings": ok(map(text)),
  "PATCH /apps/:app/settings": ok(map(text)),
  "GET /apps/:app/domains": ok(list(heroku.domain)),
  "GET /apps/:app/domains/:name": ok(heroku.domain),
  "POST /apps/:app/domains": made({ anyOf: [heroku.domain, list(heroku.domain)] }),
  "DELETE /apps/:app/domains/:name": ok(heroku.domain),
  "GET /apps/:app/buildpack-installations": ok(list(heroku.buildpack)),
  "PUT /apps/:app/buildpack-installations": ok(list(heroku.buildpack)),
  "GET /apps/:app/config-vars": ok(map(text)),
  "PATCH /apps/:app/config-vars": ok(map(text)),
  "POST /apps/:app/config-vars/actions/rotate-key": made(heroku.release),
  "GET /apps/:app/config-blame": ok(list(own.configBlame)),
  "GET /apps/:app/config-history/:name": ok(list(own.configEvent)),
  "POST /apps/:app/backups": "application/x-tar",
  "POST /restores": NDJSON,
};

const PROCESSES: Readonly<Record<string, Answer>> = {
  "GET /apps/:app/formation": ok(list(heroku.formation)),
  "PATCH /apps/:app/formation": ok(list(heroku.formation)),
  "GET /apps/:app/formation/:type": ok(heroku.formation),
  "PATCH /apps/:app/formation/:type": ok(heroku.formation),
  "GET /apps/:app/dynos": ok(list(heroku.dyno)),
  "GET /apps/:app/dynos/:name": ok(heroku.dyno),
  "GET /apps/:app/dynos/actions/wait": ok(own.wait),
  "GET /apps/:app/limits": ok(list(own.limits)),
  "PATCH /apps/:app/limits/:type": ok(own.limits),
  "POST /apps/:app/dynos": made(heroku.dyno),
  "GET /attachments/:name": refused,
  "GET /rendezvous": ok(own.rendezvous),
  "GET /rendezvous/:name": refused,
  "DELETE /apps/:app/dynos": accepted,
  "DELETE /apps/:app/dynos/:name": accepted,
  "DELETE /apps/:app/formations/:name": accepted,
  "POST /apps/:app/dynos/:name/actions/stop": accepted,
  "POST /apps/:app/formations/:name/actions/stop": accepted,
};

const RELEASES: Readonly<Record<string, Answer>> = {
  "GET /apps/:app/releases": ok(list(heroku.release)),
  "POST /apps/:app/releases": made({ anyOf: [own.rollback, heroku.release] }),
  "GET /apps/:app/releases/:release": ok(heroku.release),
  "PATCH /apps/:app/releases/:release": ok(heroku.release),
  "GET /apps/:app/releases/:release/details": ok(own.details),
  "GET /apps/:app/releases/:release/config-vars": ok(map(text)),
  "GET /apps/:app/releases/:release/output": TEXT,
  "GET /outputs/:ticket": TEXT,
  "GET /apps/:app/releases/:release/diff": ok(own.diff),
  "GET /apps/:app/releases/actions/verify": ok(own.verification),
  "POST /apps/:app/releases/:release/actions/revert": { 200: own.revertPlan, 201: own.revert },
  "POST /apps/:app/releases/actions/redeploy": made(heroku.release),
  "GET /apps/:app/marks": ok(list(heroku.mark)),
  "GET /apps/:app/bisect": ok(own.bisection),
  "POST /apps/:app/bisect": { 200: own.bisectionPlan, 201: own.bisection },
  "DELETE /apps/:app/bisect": done,
  "POST /apps/:app/bisect/actions/step": ok(own.bisection),
};

const BUILDS: Readonly<Record<string, Answer>> = {
  "GET /apps/:app/builds": ok(list(heroku.build)),
  "POST /apps/:app/builds": made(heroku.build),
  "GET /apps/:app/builds/:build": ok(heroku.build),
  "GET /apps/:app/builds/:build/output": TEXT,
  "DELETE /apps/:app/builds/:build": ok(heroku.build),
  "DELETE /apps/:app/build-cache": done,
  "POST /sources": made(heroku.source),
  "POST /apps/:app/sources": made(heroku.source),
  "PUT /sources/:ticket": done,
  "POST /app-setups": { 202: heroku.appSetup },
  "GET /app-setups/:app": ok(heroku.appSetup),
  "GET /apps/:app/slugs": ok(list(own.storedSlug)),
  "GET /apps/:app/disk": ok(own.disk),
  "GET /apps/:app/slugs/:name": ok(heroku.slug),
  "POST /apps/:app/slugs": refused,
  "GET /:app.git/info/refs": "application/x-git-upload-pack-advertisement",
  "POST /:app.git/git-upload-pack": "application/x-git-upload-pack-result",
  "POST /:app.git/git-receive-pack": "application/x-git-receive-pack-result",
};

const PIPELINES: Readonly<Record<string, Answer>> = {
  "POST /apps/:app/actions/promote": made(heroku.release),
  "GET /pipelines": ok(list(pipelines.pipeline)),
  "POST /pipelines": made(pipelines.pipeline),
  "GET /pipelines/:id": ok(pipelines.pipeline),
  "PATCH /pipelines/:id": ok(pipelines.pipeline),
  "DELETE /pipelines/:id": ok(pipelines.pipeline),
  "GET /pipeline-couplings": ok(list(pipelines.pipelineCoupling)),
  "POST /pipeline-couplings": made(pipelines.pipelineCoupling),
  "GET /pipeline-couplings/:id": ok(pipelines.pipelineCoupling),
  "PATCH /pipeline-couplings/:id": ok(pipelines.pipelineCoupling),
  "DELETE /pipeline-couplings/:id": ok(pipelines.pipelineCoupling),
  "GET /pipelines/:id/pipeline-couplings": ok(list(pipelines.pipelineCoupling)),
  "GET /apps/:app/pipeline-couplings": ok(pipelines.namedPipelineCoupling),
  "POST /pipeline-promotions": made(pipelines.pipelinePromotion),
  "GET /pipeline-promotions/:id": ok(pipelines.pipelinePromotion),
  "GET /pipeline-promotions/:id/promotion-targets": ok(list(pipelines.promotionTarget)),
};

const WEBHOOKS: Readonly<Record<string, Answer>> = {
  "GET /apps/:app/webhooks": ok(list(webhooks.webhook)),
  "POST /apps/:app/webhooks": made(webhooks.webhook),
  "GET /apps/:app/webhooks/:id": ok(webhooks.webhook),
  "PATCH /apps/:app/webhooks/:id": ok(webhooks.webhook),
  "DELETE /apps/:app/webhooks/:id": ok(webhooks.webhook),
  "GET /apps/:app/webhook-deliveries": ok(list(webhooks.webhookDelivery)),
  "GET /apps/:app/webhook-deliveries/:id": ok(webhooks.webhookDelivery),
  "GET /apps/:app/webhook-events": ok(list(webhooks.webhookEvent)),
  "GET /apps/:app/webhook-events/:id": ok(webhooks.webhookEvent),
};

const LOGS: Readonly<Record<string, Answer>> = {
  "GET /apps/:app/log-drains": ok(list(heroku.drain)),
  "GET /apps/:app/log-drains/:name": ok(heroku.drain),
  "POST /apps/:app/log-drains": made(heroku.drain),
  "DELETE /apps/:app/log-drains/:name": ok(heroku.drain),
  "POST /apps/:app/log-sessions": made(heroku.logSession),
  "GET /log-sessions/:ticket": "text/event-stream",
  "GET /apps/:app/logs": NDJSON,
  "GET /apps/:app/log-count": ok(logs.logCount),
  "GET /apps/:app/log-processes": ok(list(text)),
  "GET /apps/:app/log-stats": ok(logs.logStats),
  "GET /apps/:app/log-errors": ok(logs.logErrors),
  "GET /apps/:app/log-segments": ok(list(logs.logSegment)),
  "GET /apps/:app/log-segments/:name": NDJSON,
  "GET /apps/:app/log-segments/:name/index": "application/octet-stream",
  "GET /apps/:app/log-imports": ok(list(logs.logImport)),
  "POST /apps/:app/log-imports/:name": made(logs.logImported),
  "DELETE /apps/:app/log-imports/:name": done,
};

const PLATFORM: Readonly<Record<string, Answer>> = {
  "GET /account": ok(accounts.account),
  "GET /account/features": none,
  "GET /account/features/:name": refused,
  "GET /account/keys": ok(list(accounts.key)),
  "POST /account/keys": made(accounts.key),
  "GET /account/keys/:name": ok(accounts.key),
  "DELETE /account/keys/:name": ok(accounts.key),
  "GET /account/rate-limits": ok(accounts.rateLimit),
  "GET /regions": ok(list(accounts.region)),
  "GET /stacks": ok(list(accounts.stack)),
  "GET /teams": none,
  "GET /users/~": ok(accounts.account),
  "GET /users/~/apps": ok(list(heroku.app)),
  "GET /oauth/authorizations": ok(list(accounts.authorization)),
  "POST /oauth/authorizations": made(accounts.authorization),
  "GET /oauth/authorizations/:id": ok(accounts.authorization),
  "DELETE /oauth/authorizations/:id": ok(accounts.authorization),
  "GET /oauth/sessions": none,
  "GET /oauth/clients": none,
  "DELETE /oauth/sessions/:id": refused,
  "GET /health": ok(own.health),
  "GET /schema": ok({ type: "object" }),
  "GET /platform": ok(own.platform),
  "GET /platform/doctor": ok(list(own.doctorLine)),
  "POST /platform/actions/stop": accepted,
  "POST /platform/actions/replace-router": ok(own.router),
  "GET /addon-services/:name/plans": refused,
  "POST /actions/addons/resolve": refused,
  "POST /actions/addon-attachments/resolve": refused,
};

const ANSWERS: Readonly<Record<string, Answer>> = {
  ...APPS,
  ...PROCESSES,
  ...RELEASES,
  ...BUILDS,
  ...PIPELINES,
  ...WEBHOOKS,
  ...LOGS,
  ...PLATFORM,
};

/** Of what is not here: lists that are empty, and for the rest errors. */
export function absentAnswer(method: string, url: string): Answer {
  return method === "GET" && !url.endsWith("/:name") ? none : refused;
}

/** Undefined for a route that nobody has described. */
export function answerOf(method: string, url: string): Answer | undefined {
  return ANSWERS[`${method} ${url}`];
}
