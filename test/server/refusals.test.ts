/** What the API refuses: always JSON with an id and a message, the right status, and nothing changed. */
import * as assert from "uvu/assert";
import { createApp } from "../../src/platform/create-app.ts";
import { answerFor } from "../../src/server/answer-for.ts";
import { describe } from "../support/suite.ts";
import { deploy, NED } from "../platform/lab.ts";
import { openApi, type ApiAnswer } from "./lab.ts";

type Request = ["GET" | "POST" | "PATCH", string, unknown];

const JSON_TYPE = { "content-type": "application/json" };

function checkRefusal({ status, body }: ApiAnswer, expected: number, id: string, what: string): void {
  assert.is(status, expected, `${what}: ${JSON.stringify(body)}`);
  assert.is(body.id, id, what);
  assert.ok(typeof body.message === "string" && body.message.length > 5, what);
  assert.equal(
    Object.keys(body).filter((key) => !["id", "message", "hint", "resource"].includes(key)),
    [],
    what,
  );
}

describe("refusals", (test) => {
  test("what is not there: 404", async (t) => {
    const lab = await openApi(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    await deploy(lab, app);
    const none = "/apps/nosuch";
    const id = "00000000-0000-4000-8000-000000000000";
    const requests = [
      ...[
        "",
        "/dynos",
        "/formation",
        "/releases",
        "/releases/1",
        "/config-vars",
        "/settings",
        "/logs",
        "/log-processes",
      ].map((path) => ["GET", none + path, undefined] as const),
      ["GET", `/apps/${id}`, undefined],
      ["GET", "/apps/..%2Ffoobaz", undefined],
      ["GET", `/apps/${"x".repeat(500)}`, undefined],
      ["PATCH", none, { maintenance: true }],
      ["DELETE", none, undefined],
      ["DELETE", `${none}/dynos`, undefined],
      ["PATCH", `${none}/config-vars`, { A: "1" }],
      ["POST", `${none}/releases`, {}],
      ["PATCH", `${none}/formation`, { updates: [{ type: "web", quantity: 1 }] }],
      ["GET", "/apps/foobaz/releases/99", undefined],
      ["GET", "/apps/foobaz/releases/0", undefined],
      ["GET", "/apps/foobaz/releases/nosuch", undefined],
      ["GET", `/apps/foobaz/releases/${id}`, undefined],
      ["GET", "/apps/foobaz/releases/99/config-vars", undefined],
      ["POST", "/apps/foobaz/releases", { release: "99" }],
      ["POST", "/apps/foobaz/releases", { release: id }],
      ["DELETE", "/apps/foobaz/dynos/worker.7", undefined],
      ["DELETE", "/apps/foobaz/formations/nosuch", undefined],
      ["POST", "/apps/foobaz/dynos/worker.7/actions/stop", undefined],
      ["PATCH", "/apps/foobaz/formation", { updates: [{ type: "nosuch", quantity: 1 }] }],
      ["GET", "/", undefined],
      ["GET", "/nosuch", undefined],
      ["PUT", "/apps/foobaz", undefined],
      ["PUT", "/apps/foobaz/config-vars", { A: "1" }],
      ["DELETE", "/platform", undefined],
    ] as const;
    for (const [method, path, body] of requests)
      checkRefusal(await lab.ask(method, path, body), 404, "not_found", `${method} ${path.slice(0, 60)}`);
    assert.is((await app.ledger.head())?.version, 2);
  });

  test("what is no JSON, or no request at all: 400", async (t) => {
    const lab = await openApi(t);
    await createApp(lab.platform, "foobaz", NED);
    const path = "/apps/foobaz/config-vars";
    for (const body of ["{", "{'A':1}", "nothing", '{"A":"1"', "\u0000"])
      checkRefusal(await lab.ask("PATCH", path, body, JSON_TYPE), 400, "bad_request", body);
    checkRefusal(await lab.ask("PATCH", path, "<a/>", { "content-type": "text/xml" }), 400, "bad_request", "xml");
    checkRefusal(
      await lab.ask("PATCH", path, `{"A":"${"x".repeat(2_000_000)}"}`, JSON_TYPE),
      400,
      "bad_request",
      "large",
    );
    checkRefusal(await lab.ask("GET", "/apps/%zz"), 400, "bad_request", "badly encoded");
    const long = await lab.ask("GET", `/apps/${"x".repeat(5000)}`);
    checkRefusal(long, 400, "bad_request", "long");
    assert.ok(long.body.message.length < 300);
  });

  test("what is of the wrong type or value: 422, and nothing of it is done", async (t) => {
    const lab = await openApi(t);
    const { ask } = lab;
    const app = await createApp(lab.platform, "foobaz", NED);
    await deploy(lab, app);
    await ask("PATCH", "/apps/foobaz/config-vars", { KEPT: "1" });
    const config = [
      { A: 1 },
      { A: true },
      { A: ["x"] },
      { A: {} },
      [],
      "x",
      null,
      undefined,
      { KEPT: null, PORT: "1" },
    ];
    const more = [{ "A-B": "x" }, { DOTENV_A: "x" }, { A: "\0" }, { A: "encrypted:x" }, { A: "x".repeat(65_536) }];
    const requests: Request[] = [
      ...[...config, ...more].map((body): Request => ["PATCH", "/apps/foobaz/config-vars", body]),
      ...[{ name: 5 }, { name: "Foo" }, { name: "ab" }, { name: "" }, { name: null }, { name: "foobaz" }, [], 5].map(
        (body): Request => ["POST", "/apps", body],
      ),
      ...[{}, { maintenance: "true" }, { maintenance: 1 }, { maintenance: null }, undefined].map((body): Request => [
        "PATCH",
        "/apps/foobaz",
        body,
      ]),
      ...[
        "",
        "x",
        "1.5",
        "1e3",
        "-1e3",
        "++1",
        " 1",
        1.5,
        -1,
        null,
        true,
        undefined,
        "-1",
        101,
        "101",
        "999999999",
      ].map((quantity): Request => [
        "PATCH",
        "/apps/foobaz/formation",
        {
          updates: [
            { type: "worker", quantity: "+1" },
            { type: "worker", quantity: "-1" },
            { type: "worker", quantity },
          ],
        },
      ]),
      ...[{}, { updates: [] }, { updates: {} }, { updates: [5] }, { updates: [{ quantity: 1 }] }, undefined].map(
        (body): Request => ["PATCH", "/apps/foobaz/formation", body],
      ),
      ...[{ release: 2 }, { release: null }, [], "x"].map((body): Request => ["POST", "/apps/foobaz/releases", body]),
      ["POST", "/apps/foobaz/releases", { release: "3" }],
      ["POST", "/apps/foobaz/releases", { release: "1" }],
      ...[{}, { nosuch: "on" }, { preboot: "yes" }, { preboot: true }, { "boot-timeout": "600h" }, undefined].map(
        (body): Request => ["PATCH", "/apps/foobaz/settings", body],
      ),
      ["POST", "/platform/actions/stop", { apps: "yes" }],
      ["GET", "/apps/foobaz/logs?lines=x", undefined],
      ["GET", "/apps/foobaz/logs?lines=-1", undefined],
      ["GET", "/apps/foobaz/logs?ps=a&ps=b", undefined],
    ];
    for (const [method, path, body] of requests) {
      const answer = await (typeof body === "string" || body === null || typeof body === "number"
        ? ask(method, path, JSON.stringify(body), JSON_TYPE)
        : ask(method, path, body));
      checkRefusal(answer, 422, "invalid_params", `${method} ${path} ${JSON.stringify(body)?.slice(0, 80)}`);
    }
    const proto = await ask("PATCH", "/apps/foobaz/config-vars", '{"__proto__":"x","B":"1"}', JSON_TYPE);
    checkRefusal(proto, 422, "invalid_params", "__proto__");
    assert.equal((await ask("GET", "/apps/foobaz/config-vars")).body, { KEPT: "1" });
    assert.is((await app.ledger.head())?.version, 3);
    assert.equal(await app.ledger.readState(), {});
    assert.is(lab.platform.list().length, 1);
    assert.equal(lab.stops, []);
  });

  test("a value is in no refusal", async (t) => {
    const lab = await openApi(t);
    await createApp(lab.platform, "foobaz", NED);
    for (const body of [{ A: "s3cret\0" }, { A: "encrypted:s3cret" }, { A: ["s3cret"] }, '{"A": "s3cret']) {
      const { body: refusal } = await lab.ask("PATCH", "/apps/foobaz/config-vars", body, JSON_TYPE);
      assert.not.match(JSON.stringify(refusal), "s3cret");
    }
  });

  test("a bug is told to the journal, not to the caller", async (t) => {
    const lab = await openApi(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    await app.ledger.close();
    const answer = await lab.ask("PATCH", "/apps/foobaz/config-vars?token=s3cret", { A: "1" });
    checkRefusal(answer, 500, "internal_server_error", "closed ledger");
    // Whatever else wants the ledger, as its drains do once at the start, may complain too.
    const faults = lab.takeFaults().filter((fault) => fault.startsWith("PATCH"));
    assert.is(faults.length, 1);
    assert.match(faults[0] ?? "", /^PATCH \/apps\/foobaz\/config-vars: Error/);
  });

  test("a disk that is full is told as that", () => {
    for (const code of ["ENOSPC", "EDQUOT"]) {
      const { id, status, message, hint } = answerFor(Object.assign(new Error("no space left, write"), { code }));
      assert.equal([id, status, message], ["unavailable", 503, "The disk of the platform is full."]);
      assert.is(hint, "`git heroku info` tells what an app takes. Try again when there is room.");
    }
    assert.is(answerFor(Object.assign(new Error("not there"), { code: "ENOENT" })).id, "internal_server_error");
  });

  test("while it stops it says so, and no app seems to be gone", async (t) => {
    const lab = await openApi(t);
    await createApp(lab.platform, "foobaz", NED);
    await lab.close();
    checkRefusal(await lab.ask("GET", "/apps/foobaz"), 503, "unavailable", "stopping");
    checkRefusal(await lab.ask("PATCH", "/apps/foobaz/config-vars", { A: "1" }), 503, "unavailable", "stopping");
  });
});
