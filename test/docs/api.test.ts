/** docs/api.md against the server: the same endpoints, no more and no less. */
import * as assert from "uvu/assert";
import type { Platform } from "../../src/platform/platform.ts";
import type { DaemonControl } from "../../src/server/platform-routes.ts";
import { createServer } from "../../src/server/server.ts";
import { AppError, type ErrorId } from "../../src/core/error.ts";
import { describe } from "../support/suite.ts";
import { codeIn, readPage, tableUnder } from "./markdown.ts";

const PAGE = await readPage("docs/api.md");
const PARAMETERS: Record<string, string> = {
  APP: ":app",
  BUILD: ":build",
  NAME: ":name",
  RELEASE: ":release",
  TOKEN: ":id",
  TYPE: ":type",
};

describe("api page", (test) => {
  test("names every endpoint, and no other", async (t) => {
    // Nothing is asked of the platform while routes are made.
    const server = createServer({} as Platform, {} as DaemonControl);
    t.after(() => server.close());
    await server.ready();
    const documented = tableUnder(PAGE, /^\| method /).map(([method = "", path = ""]) => ({
      method: codeIn(method)[0] ?? "",
      url: (codeIn(path)[0] ?? "").replace(/[A-Z]+/g, (word) => PARAMETERS[word] ?? word),
    }));
    for (const route of documented) assert.ok(server.hasRoute(route), `${route.method} ${route.url}`);
    const served = [...server.printRoutes({ commonPrefix: false }).matchAll(/\(([A-Z, ]+)\)$/gm)]
      .flatMap(([, methods = ""]) => methods.split(", "))
      .filter((method) => method !== "HEAD");
    assert.is(new Set(documented.map(({ method, url }) => `${method} ${url}`)).size, served.length);
  });

  test("gives each error its status", () => {
    for (const [status, id] of tableUnder(PAGE, /^\| status /)) {
      assert.is(String(new AppError(codeIn(id ?? "")[0] as ErrorId, "").status), status);
    }
  });
});
