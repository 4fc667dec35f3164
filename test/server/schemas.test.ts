/** The API's description of itself: complete, sound, and with Heroku's fields. */
import { Ajv } from "ajv";
import type { FastifyInstance } from "fastify";
import * as assert from "uvu/assert";
import type { Platform } from "../../src/platform/platform.ts";
import { answerOf } from "../../src/server/answers.ts";
import * as accounts from "../../src/server/account-schemas.ts";
import * as herokus from "../../src/server/heroku-schemas.ts";
import * as pipelines from "../../src/server/pipeline-schemas.ts";
import type { DaemonControl } from "../../src/server/platform-routes.ts";
import { createServer } from "../../src/server/server.ts";
import * as webhooks from "../../src/server/webhook-schemas.ts";
import { describe, type TestContext } from "../support/suite.ts";

const heroku = { ...accounts, ...herokus, ...pipelines, ...webhooks };

/** Heroku's own fields of its objects; `?` may be null. */
const FIELDS: Record<keyof typeof heroku, string> = {
  account:
    "allow_tracking beta created_at email federated id identity_provider? last_login? name? sms_number? suspended_at? delinquent_at? two_factor_authentication updated_at verified country_of_residence? default_organization? default_team?",
  app: "acm archived_at? buildpack_provided_description? build_stack created_at generation git_url id internal_routing? maintenance name owner organization? team? region released_at? repo_size? slug_size? space? stack updated_at web_url?",
  appSetup:
    "id created_at updated_at status failure_message? app build? manifest_errors postdeploy? resolved_success_url?",
  authorization: "access_token? client? created_at description grant? id refresh_token? scope session? updated_at user",
  build:
    "app buildpacks? created_at generation id output_stream_url source_blob release? slug? stack status updated_at user",
  buildpack: "buildpack ordinal",
  collaborator: "app created_at id permissions role? updated_at user",
  domain: "acm_status? acm_status_reason? app cname? created_at hostname id kind updated_at status sni_endpoint?",
  drain: "addon? app? created_at id token updated_at url",
  dyno: "attach_url? command created_at id name release app size state type updated_at",
  feature: "created_at description doc_url enabled id name state updated_at display_name feedback_email",
  formation: "app command created_at dyno_size id quantity size type updated_at",
  key: "comment created_at email fingerprint id public_key updated_at",
  logSession: "created_at id logplex_url updated_at",
  mark: "",
  namedPipelineCoupling: "app created_at id pipeline stage updated_at",
  pipeline: "created_at generation id name owner? updated_at",
  pipelineCoupling: "app created_at id pipeline stage updated_at",
  pipelinePromotion: "created_at id pipeline source status updated_at?",
  promotionTarget: "app error_message? id pipeline_promotion release? status",
  rateLimit: "remaining",
  region: "country created_at description id locale name private_capable provider updated_at",
  release:
    "addon_plan_names artifacts app created_at current description eligible_for_rollback id output_stream_url? slug? status updated_at user version",
  slug: "blob buildpack_provided_description? checksum? commit? commit_description? created_at id process_types size? stack updated_at deleted_at?",
  source: "source_blob",
  stack: "created_at default id name state updated_at",
  webhook: "created_at id include level updated_at url",
  webhookDelivery: "created_at event id last_attempt? next_attempt_at? num_attempts status updated_at webhook",
  webhookEvent: "created_at id include payload updated_at",
};

interface Fields {
  properties: Record<string, { type?: string; anyOf?: { type?: string }[] }>;
  required: string[];
}

interface Operation {
  parameters?: { schema: object }[];
  requestBody?: { content: Record<string, { schema: object }> };
}

interface Document {
  openapi: string;
  info: { version: string };
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, object> };
}

/** Lists of what is not here, and their members, are described together. */
const ABSENT =
  /^(?:\/apps\/:app)?\/(?:addons|addon-attachments|addon-services|sni-endpoints|telemetry-drains)(?:\/:name)?$/;

function openServer(t: TestContext): FastifyInstance {
  const closing = new AbortController().signal;
  const server = createServer({ closing } as Platform, { version: "1.2.3" } as DaemonControl);
  t.after(() => server.close());
  return server;
}

describe("schemas", (test) => {
  test("objects have Heroku's fields, none of which is null where Heroku's is not", () => {
    for (const [name, schema] of Object.entries(heroku)) {
      const { properties, required } = schema as unknown as Fields;
      const fields = FIELDS[name as keyof typeof heroku];
      for (const field of fields.split(" ").filter((one) => one !== "")) {
        const key = field.replace("?", "");
        assert.ok(required.includes(key), `${name} always has ${key}`);
        const { type, anyOf = [] } = properties[key] ?? {};
        const isNullable = type === "null" || anyOf.some((one) => one.type === "null");
        assert.ok(!isNullable || key !== field, `${name}'s ${key} is never null`);
      }
    }
  });

  test("what may be sent has sound schemas: the daemon takes them as they are", async (t) => {
    const document = (await openServer(t).inject("/schema")).json<Document>();
    const operations = Object.values(document.paths).flatMap((methods) => Object.values(methods));
    const schemas = operations
      .flatMap(({ requestBody, parameters = [] }) => [Object.values(requestBody?.content ?? {}), parameters])
      .flat()
      .map(({ schema }) => schema);
    assert.ok(schemas.length > 100);
    const ajv = new Ajv();
    const unsound = schemas.filter((schema) => ajv.validateSchema(schema) !== true);
    assert.equal(unsound, []);
  });

  test("every route is described, and every reference leads somewhere", async (t) => {
    const server = openServer(t);
    const answer = await server.inject("/schema");
    const document = answer.json<Document>();
    assert.is(document.openapi, "3.1.0");
    assert.is(document.info.version, "1.2.3");
    const routes = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => ({ method: method.toUpperCase(), url: path.replace(/\{(\w+)\}/g, ":$1") })),
    );
    assert.ok(routes.length > 100);
    for (const route of routes) assert.ok(server.hasRoute(route), `${route.method} ${route.url}`);
    const undescribed = routes.filter(({ method, url }) => answerOf(method, url) === undefined && !ABSENT.test(url));
    assert.equal(undescribed, []);
    for (const [, name = ""] of answer.body.matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
      assert.ok(Object.hasOwn(document.components.schemas, name), name);
    }
  });
});
