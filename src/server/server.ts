/** The Platform API over HTTP (docs/api.md): routes to use-cases, errors to `{id, message, hint}`. */
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { AppError } from "../core/error.ts";
import { AnsweredRequests } from "../platform/answered-requests.ts";
import type { Platform } from "../platform/platform.ts";
import { accountRoutes } from "./account-routes.ts";
import { answerFor, MESSAGE_LENGTH_MAX } from "./answer-for.ts";
import { absentRoutes } from "./absent-routes.ts";
import { appRoutes } from "./app-routes.ts";
import { appSetupRoutes } from "./app-setup-routes.ts";
import { attachRoutes, serveAttachments } from "./attach-routes.ts";
import { backupRoutes } from "./backup-routes.ts";
import { bisectRoutes } from "./bisect-routes.ts";
import { buildRoutes } from "./build-routes.ts";
import { buildpackRoutes } from "./buildpack-routes.ts";
import { CallLimit } from "./call-limit.ts";
import { collaboratorRoutes } from "./collaborator-routes.ts";
import { answerClientError } from "./client-error.ts";
import { configKeyRoutes } from "./config-key-routes.ts";
import { configRoutes } from "./config-routes.ts";
import { guardDoor } from "./door.ts";
import { domainRoutes } from "./domain-routes.ts";
import { drainRoutes } from "./drain-routes.ts";
import { featureRoutes } from "./feature-routes.ts";
import { formationRoutes } from "./formation-routes.ts";
import { gitRoutes } from "./git-routes.ts";
import { historyRoutes } from "./history-routes.ts";
import { httpRules } from "./http-rules.ts";
import { buildLateValidators } from "./late-schemas.ts";
import { keyRoutes } from "./key-routes.ts";
import { limitRoutes } from "./limit-routes.ts";
import { logAnalysisRoutes } from "./log-analysis-routes.ts";
import { logCopyRoutes } from "./log-copy-routes.ts";
import { logSessionRoutes } from "./log-session-routes.ts";
import { oauthRoutes } from "./oauth-routes.ts";
import { logRoutes } from "./log-routes.ts";
import { declareNeeds, permit } from "./permit.ts";
import { oneOffRoutes } from "./one-off-routes.ts";
import { describeRoutes, schemaRoute } from "./openapi.ts";
import { outputRoutes } from "./output-routes.ts";
import { platformRoutes, type DaemonControl } from "./platform-routes.ts";
import { Rendezvous } from "./rendezvous.ts";
import { pipelineRoutes } from "./pipeline-routes.ts";
import { releaseRoutes } from "./release-routes.ts";
import { slugRoutes } from "./slug-routes.ts";
import { sourceRoutes } from "./source-routes.ts";
import {
  BODY_BYTES_MAX,
  HEAD_BYTES_MAX,
  limitBodies,
  parseJsonBody,
  REQUEST_LIMITS,
  type RequestLimits,
} from "./request-limits.ts";
import { answerRepetitions } from "./repeated-requests.ts";
import { shareAnswers } from "./shared-answers.ts";
import { undoRoutes } from "./undo-routes.ts";
import { verifyRoutes } from "./verify-routes.ts";
import { webhookRoutes } from "./webhook-routes.ts";

const PARAM_LENGTH_MAX = 1000;

const ROUTES = [
  absentRoutes,
  accountRoutes,
  appRoutes,
  appSetupRoutes,
  attachRoutes,
  backupRoutes,
  bisectRoutes,
  buildRoutes,
  buildpackRoutes,
  collaboratorRoutes,
  configKeyRoutes,
  configRoutes,
  domainRoutes,
  drainRoutes,
  featureRoutes,
  formationRoutes,
  gitRoutes,
  historyRoutes,
  keyRoutes,
  limitRoutes,
  logAnalysisRoutes,
  logCopyRoutes,
  logRoutes,
  logSessionRoutes,
  oauthRoutes,
  oneOffRoutes,
  outputRoutes,
  pipelineRoutes,
  releaseRoutes,
  slugRoutes,
  sourceRoutes,
  undoRoutes,
  verifyRoutes,
  webhookRoutes,
];

export function createServer(
  platform: Platform,
  control: DaemonControl,
  limits: RequestLimits = REQUEST_LIMITS,
): FastifyInstance {
  const server = fastify({
    logger: false,
    bodyLimit: BODY_BYTES_MAX,
    http: { maxHeaderSize: HEAD_BYTES_MAX, headersTimeout: limits.headMs },
    clientErrorHandler: answerClientError,
    forceCloseConnections: true,
    // A process type may have 128 characters; fastify's own limit is 100.
    routerOptions: { maxParamLength: PARAM_LENGTH_MAX },
    // What arrives must be of the right type already: `{"A": 1}` is no config var. That the schemas are sound is tried by a
    // test: to check it here, ajv would compile the schema of schemas, 25 ms before the first answer of each daemon.
    ajv: { customOptions: { coerceTypes: false, allowUnionTypes: true, validateSchema: false } },
    schemaController: { compilersFactory: { buildValidator: buildLateValidators() } },
    // What fails before a route is found, such as a path that is badly encoded.
    frameworkErrors: (error, request, reply) => answerError(platform, error, request, reply),
  });
  readJson(server);
  server.addHook("onRequest", (_request, _reply, done) => {
    done(platform.closing.aborted ? stopping() : undefined);
  });
  // Before the rules, which turn an answer into a 304 for one who has it.
  const openAnswered = (): AnsweredRequests => new AnsweredRequests(platform.home.requestsFile, platform.clock);
  answerRepetitions(server, () => platform.clock, openAnswered);
  const calls = new CallLimit(limits.callsPerHour, () => platform.clock);
  server.decorate("calls", calls);
  const shareFromHere = shareAnswers(server, calls);
  httpRules(server);
  guardDoor(server, platform);
  calls.guard(server);
  permit(server, platform);
  shareFromHere();
  limitBodies(server, limits.bodyMs);
  server.setErrorHandler((error, request, reply) => answerError(platform, error, request, reply));
  server.setNotFoundHandler((request, reply) => {
    void reply.status(404).send({
      id: "not_found",
      message: `There is no ${request.method} ${pathOf(request).slice(0, MESSAGE_LENGTH_MAX)}.`,
    });
  });
  const rendezvous = new Rendezvous(platform);
  server.decorate("rendezvous", rendezvous);
  server.addHook("onClose", () => rendezvous.close());
  declareNeeds(server);
  describeRoutes(server);
  for (const routes of ROUTES) routes(server, platform);
  schemaRoute(server, () => control.version);
  platformRoutes(server, platform, control);
  serveAttachments(server.server, platform, rendezvous);
  return server;
}

function answerError(platform: Platform, error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const { id, status, message, hint, resource } = tellable(answerFor(error), request);
  // The path without its query: nothing of what was sent belongs into the journal.
  if (id === "internal_server_error") platform.journal.fault(`${request.method} ${pathOf(request)}`, error);
  void reply.status(status).send({
    id,
    message,
    ...(hint !== undefined && { hint }),
    ...(resource !== undefined && { resource }),
  });
}

/** Who may not know all apps is told nothing of another one. */
function tellable(error: AppError, { visitor }: FastifyRequest): AppError {
  return visitor?.isAdmin === true ? error : (error.discreet ?? error);
}

function pathOf(request: FastifyRequest): string {
  // A drain may be named by its URL, which is a secret, and so are the addresses that need no token.
  return (request.url.split("?")[0] ?? "").replace(/(\/(?:log-drains|log-sessions|outputs|sources)\/).*/, "$1…");
}

/** Also keeps late requests from finding the apps closed already, as if there were none. */
function stopping(): AppError {
  return new AppError("unavailable", "The platform is stopping.", { hint: "Try again in a moment." });
}

function readJson(server: FastifyInstance): void {
  server.removeContentTypeParser("application/json");
  server.addContentTypeParser("application/json", { parseAs: "string" }, (_request, body, done) => {
    try {
      done(null, parseJsonBody(String(body)));
    } catch (error) {
      done(error as Error);
    }
  });
}
