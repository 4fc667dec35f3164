/** Requests that arrive together: one answer, and never an older one than each may expect. */
import * as assert from "uvu/assert";
import fastify from "fastify";
import { httpRules } from "../../src/server/http-rules.ts";
import { shareAnswers } from "../../src/server/shared-answers.ts";
import { describe } from "../support/suite.ts";

describe("shared answers", (test) => {
  const server = fastify();
  let made = 0;
  const shareFromHere = shareAnswers(server);
  httpRules(server);
  shareFromHere();
  server.get("/shared", { config: { shared: true } }, async () => {
    made += 1;
    await new Promise((resolve) => setImmediate(resolve));
    return [
      { id: "a", made },
      { id: "b", made },
    ];
  });
  server.get("/same", { config: { shared: true } }, () => [{ id: "a" }, { id: "b" }]);
  server.get("/own", () => ({ made: (made += 1) }));
  const get = (url: string, headers: Record<string, string> = {}) => server.inject({ url, headers });

  test("what is asked at the same time is made once, what is asked later anew", async () => {
    made = 0;
    const first = await Promise.all([get("/shared"), get("/shared"), get("/shared")]);
    assert.equal(
      first.map(({ body }) => body),
      Array<string>(3).fill('[{"id":"a","made":1},{"id":"b","made":1}]'),
    );
    assert.is(new Set(first.map(({ headers }) => headers["request-id"])).size, 3);
    for (const { headers } of first) assert.match(String(headers["content-type"]), "application/json");
    assert.match((await get("/shared")).body, '"made":2');
    assert.equal(
      (await Promise.all([get("/own"), get("/own")])).map(({ body }) => body),
      ['{"made":3}', '{"made":4}'],
    );
  });

  test("another range is another answer, and who has it already gets 304 alone", async () => {
    const { headers } = await get("/same");
    const [known, cut, whole] = await Promise.all([
      get("/same", { "if-none-match": String(headers["etag"]) }),
      get("/same", { range: "id ..; max=1" }),
      get("/same"),
    ]);
    assert.equal([known?.statusCode, known?.body], [304, ""]);
    assert.equal([whole?.statusCode, whole?.headers["etag"]], [200, headers["etag"]]);
    assert.equal([cut?.statusCode, cut?.headers["next-range"]], [206, "id ]a..; max=1, order=asc"]);
  });
});
