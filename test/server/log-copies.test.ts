/** The endpoints of counts, errors, segments and imported logs. */
import { readdirSync } from "node:fs";
import { mkdir, readdir } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { formatLogLine } from "../../src/core/log-line.ts";
import { createApp } from "../../src/platform/create-app.ts";
import { NED, until } from "../platform/lab.ts";
import { describe } from "../support/suite.ts";
import { openApi, type ApiLab } from "./lab.ts";

const LINE = formatLogLine({ ts: "2011-06-20T09:00:00.000000Z", ps: "web.1", source: "app", msg: "Error: boom 7" });
const TEXT = "2011-06-20T08:59:59+00:00 app[web.1]: Error: boom 8";

const importing = (lab: ApiLab, name: string, body: string): ReturnType<ApiLab["ask"]> =>
  lab.ask("POST", `/apps/foobaz/log-imports/${name}`, body, { "content-type": "application/x-ndjson" });

describe("log copies and counts", (test) => {
  test("an imported log is a place of its own, which every query can ask", async (t) => {
    const lab = await openApi(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    const made = await importing(lab, "old", `${LINE}\nnonsense\r\n${TEXT}`);
    assert.is(made.status, 201);
    assert.equal(made.body, {
      name: "old",
      lines: 2,
      rejected: 1,
      rejected_example: "nonsense",
      first: "2011-06-20T08:59:59.000000Z",
      last: "2011-06-20T09:00:00.000000Z",
    });
    const lines = (await lab.ask("GET", "/apps/foobaz/logs?imported=old&search=boom")).body as string;
    assert.is(lines.split("\n")[1], LINE);
    assert.equal((await lab.ask("GET", "/apps/foobaz/log-processes?imported=old")).body, ["web.1"]);
    const errors = await lab.ask("GET", "/apps/foobaz/log-errors?imported=old&groups=1");
    assert.equal(errors.body.total, { errors: 2, groups: 1 });
    const stats = await lab.ask("GET", "/apps/foobaz/log-stats?imported=old&by=ps&since=2011-06-20T09:00:00Z&every=1h");
    assert.equal(stats.body.groups, [{ name: "web.1", lines: 1, errors: 0, counts: [1] }]);
    assert.equal([stats.body.from, stats.body.every], ["2011-06-20T09:00:00Z", 3600]);
    await app.logs.flushed();
    assert.not.match((await lab.ask("GET", "/apps/foobaz/logs")).body as string, "boom");
    const [item] = (await lab.ask("GET", "/apps/foobaz/log-imports")).body;
    assert.is(item.name, "old");
    assert.is((await lab.ask("DELETE", "/apps/foobaz/log-imports/old")).status, 200);
    assert.equal((await lab.ask("GET", "/apps/foobaz/log-imports")).body, []);
  });

  test("what cannot be imported leaves nothing", async (t) => {
    const lab = await openApi(t);
    await createApp(lab.platform, "foobaz", NED);
    await importing(lab, "old", LINE);
    assert.is((await importing(lab, "old", LINE)).status, 409);
    assert.is((await importing(lab, "none", "nonsense")).status, 422);
    assert.is((await importing(lab, "empty", "")).status, 422);
    for (const name of [".old", "a%2Fb", "..old", "x".repeat(65)])
      assert.is((await importing(lab, name, LINE)).status, 422, name);
    const imports = join(lab.home.root, "apps/foobaz/imports");
    assert.equal(await readdir(imports), ["old"]);
    // A caller that goes away in the middle.
    const socketPath = join(lab.home.root, "s");
    await lab.server.listen({ path: socketPath });
    const headers = { "content-type": "application/x-ndjson", "content-length": 1_000_000 };
    const asking = request({ socketPath, method: "POST", path: "/apps/foobaz/log-imports/half", headers });
    asking.on("error", () => undefined).write(`${LINE}\n`);
    await until(() => readdirSync(imports).length === 2);
    asking.destroy();
    await until(() => readdirSync(imports).length === 1);
    // And what a killed daemon has left.
    await mkdir(join(imports, ".importing-0123456789ab"));
    assert.is((await importing(lab, "next", LINE)).status, 201);
    assert.equal((await readdir(imports)).sort(), ["next", "old"]);
  });

  test("only finished segments can be copied, under their own names", async (t) => {
    const lab = await openApi(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    await app.logs.flushed();
    assert.equal((await lab.ask("GET", "/apps/foobaz/log-segments")).body, []);
    for (const name of ["..%2Fcursors", "cursors", "20110620T090000.000000Z.ndjson"]) {
      assert.is((await lab.ask("GET", `/apps/foobaz/log-segments/${name}`)).status, 404);
      assert.is((await lab.ask("GET", `/apps/foobaz/log-segments/${name}/index`)).status, 404);
    }
  });

  test("what cannot be counted is told", async (t) => {
    const lab = await openApi(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    app.log("web.1", "Error: boom", "app");
    const table: [path: string, status: number, message: string][] = [
      ["log-stats?by=colour", 422, 'Lines cannot be grouped by "colour".'],
      ["log-stats?every=1s", 422, '"1s" is no interval.'],
      ["log-stats?since=tomorrow", 422, '"tomorrow" is no time.'],
      ["log-stats?since=10m&until=20m", 422, "since is later than until."],
      ["log-stats?since=v9", 404, "There is no release v9."],
      ["log-stats?trash=yes", 422, 'trash is true or false, not "yes".'],
      ["log-stats?imported=old", 404, 'foobaz has no imported log "old".'],
      ["log-errors?groups=many", 422, '"many" is not a number of groups.'],
      ["log-errors?trash=true", 404, 'There is no log of a destroyed app "foobaz".'],
    ];
    for (const [path, status, message] of table) {
      const answer = await lab.ask("GET", `/apps/foobaz/${path}`);
      assert.equal([answer.status, answer.body.message], [status, message]);
    }
    const { body } = await lab.ask("GET", "/apps/foobaz/log-errors?by=&since=");
    assert.equal([body.total.errors, body.groups[0].release], [1, 1]);
  });
});
