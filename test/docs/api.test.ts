/** docs/api.md against the server: the same endpoints, no more and no less. */
import * as assert from "uvu/assert";
import type { Platform } from "../../src/platform/platform.ts";
import type { DaemonControl } from "../../src/server/platform-routes.ts";
import * as heroku from "../../src/server/heroku-schemas.ts";
import * as own from "../../src/server/own-schemas.ts";
import * as pipelines from "../../src/server/pipeline-schemas.ts";
import * as webhooks from "../../src/server/webhook-schemas.ts";
import type { Schema } from "../../src/server/schema-words.ts";
import { createServer } from "../../src/server/server.ts";
import { AppError, type ErrorId } from "../../src/core/error.ts";
import { describe } from "../support/suite.ts";
import { codeIn, readPage, tableUnder } from "./markdown.ts";

const PAGE = await readPage("docs/api.md");
const PARAMETERS: Record<string, string> = {
  APP: ":app",
  BUILD: ":build",
  ID: ":id",
  NAME: ":name",
  RELEASE: ":release",
  TICKET: ":ticket",
  TOKEN: ":id",
  TYPE: ":type",
};

/** Heading → what is described there. */
const SECTIONS: Record<string, Schema> = {
  App: heroku.app,
  "App set-up": heroku.appSetup,
  Bisection: own.bisection,
  Build: heroku.build,
  Buildpack: heroku.buildpack,
  Collaborator: heroku.collaborator,
  Domain: heroku.domain,
  Drain: heroku.drain,
  Dyno: heroku.dyno,
  Feature: heroku.feature,
  Formation: heroku.formation,
  Key: heroku.key,
  Limits: own.limits,
  "Log session": heroku.logSession,
  Pipeline: pipelines.pipeline,
  Platform: own.platform,
  Promotion: pipelines.pipelinePromotion,
  Release: heroku.release,
  "Release slug": heroku.slug,
  Slug: own.storedSlug,
  Sources: heroku.source,
  Verification: own.verification,
  Wait: own.wait,
  Webhook: webhooks.webhook,
};

interface Endpoint {
  method: string;
  url: string;
}

function endpoints(): Endpoint[] {
  return tableUnder(PAGE, /^\| method /).map(([method = "", path = ""]) => ({
    method: codeIn(method)[0] ?? "",
    url: urlIn(path),
  }));
}

/** A row for each list, which stands for its members too. */
function absentEndpoints(): Endpoint[] {
  return tableUnder(PAGE, /^\| not here /).flatMap(([cell = ""]) => {
    const url = urlIn(cell);
    const all = ["GET", "POST"].map((method) => ({ method, url }));
    return all.concat(["GET", "PATCH", "DELETE"].map((method) => ({ method, url: `${url}/:name` })));
  });
}

function urlIn(cell: string): string {
  return (codeIn(cell)[0] ?? "").replace(/[A-Z]+/g, (word) => PARAMETERS[word] ?? word);
}

describe("api page", (test) => {
  test("names every endpoint, and no other", async (t) => {
    // Nothing is asked of the platform while routes are made.
    const server = createServer({} as Platform, {} as DaemonControl);
    t.after(() => server.close());
    await server.ready();
    const documented = [...endpoints(), ...absentEndpoints()];
    for (const route of documented) assert.ok(server.hasRoute(route), `${route.method} ${route.url}`);
    const served = [...server.printRoutes({ commonPrefix: false }).matchAll(/\(([A-Z, ]+)\)$/gm)]
      .flatMap(([, methods = ""]) => methods.split(", "))
      .filter((method) => method !== "HEAD");
    assert.is(new Set(documented.map(({ method, url }) => `${method} ${url}`)).size, served.length);
  });

  test("names every field of what is answered", () => {
    for (const [heading, schema] of Object.entries(SECTIONS)) {
      const [, section = ""] = PAGE.split(`\n### ${heading}\n`);
      const words = new Set(codeIn(section.split(/\n##+ /)[0] ?? "").flatMap((code) => code.match(/\w+/g) ?? []));
      const { properties } = schema as { properties: Record<string, unknown> };
      const unnamed = Object.keys(properties).filter((field) => !words.has(field));
      assert.equal(unnamed, [], heading);
    }
  });

  test("gives each error its status", () => {
    for (const [status, id] of tableUnder(PAGE, /^\| status /)) {
      assert.is(String(new AppError(codeIn(id ?? "")[0] as ErrorId, "").status), status);
    }
  });
});
