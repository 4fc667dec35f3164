/** docs/api.md is what the server's description of itself makes. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { AppError, type ErrorId } from "../../src/core/error.ts";
import type { Platform } from "../../src/platform/platform.ts";
import { OBJECTS } from "../../src/server/answers.ts";
import { chapterOf } from "../../src/server/chapters.ts";
import type { DescribedRoute } from "../../src/server/openapi.ts";
import type { DaemonControl } from "../../src/server/platform-routes.ts";
import { createServer } from "../../src/server/server.ts";
import { describe, type TestContext } from "../support/suite.ts";
import { ROOT } from "../support/transcript.ts";
import { headingOf } from "./api-fields.ts";
import { makeApiPage } from "./api-page.ts";
import { codeIn, readPage, tableUnder } from "./markdown.ts";

const PAGE = "docs/api.md";

async function routesOf(t: TestContext): Promise<readonly DescribedRoute[]> {
  // Nothing is asked of the platform while routes are made.
  const server = createServer({} as Platform, {} as DaemonControl);
  t.after(() => server.close());
  await server.ready();
  return server.describedRoutes;
}

describe("api page", (test) => {
  test("is what the routes make: UPDATE=1 writes it", async (t) => {
    const made = await makeApiPage(await routesOf(t));
    if (process.env["UPDATE"] === "1") await writeFile(join(ROOT, PAGE), made);
    assert.fixture(await readPage(PAGE), made);
  });

  test("every route says in a line what it does, and has a place", async (t) => {
    const routes = await routesOf(t);
    assert.ok(routes.length > 150);
    const silent = routes.filter(({ url, summary }) => summary === undefined || chapterOf(url) === undefined);
    assert.equal(
      silent.map(({ method, url }) => `${method} ${url}`),
      [],
    );
  });

  test("every link inside it leads somewhere, and every object is told of", async () => {
    const page = await readPage(PAGE);
    const titles = [...page.matchAll(/^##+ (.*)$/gm)].map(([, title = ""]) => title);
    const anchors = new Set(titles.map((title) => title.toLowerCase().replaceAll(" ", "-")));
    assert.is(anchors.size, titles.length, "no two headings are the same");
    const dead = [...page.matchAll(/\]\(#([^)]+)\)/g)].map(([, to = ""]) => to).filter((to) => !anchors.has(to));
    assert.equal(dead, []);
    const untold = Object.keys(OBJECTS).filter((name) => name !== "error" && !titles.includes(headingOf(name)));
    assert.equal(untold, []);
  });

  test("gives each error its status", async () => {
    for (const [status, id] of tableUnder(await readPage(PAGE), /^\| status /)) {
      assert.is(String(new AppError(codeIn(id ?? "")[0] as ErrorId, "").status), status);
    }
  });
});
