/** Requests that arrive together: one answer, and never an older one than each may expect. */
import { createServer, request, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import * as assert from "uvu/assert";
import fastify from "fastify";
import { CallLimit } from "../../src/server/call-limit.ts";
import { httpRules } from "../../src/server/http-rules.ts";
import { shareAnswers } from "../../src/server/shared-answers.ts";
import type { ShownToken } from "../../src/platform/tokens.ts";
import { realClock } from "../logs/real-clock.ts";
import { describe, type TestContext } from "../support/suite.ts";

const CALLS = 4;

describe("shared answers", (test) => {
  const server = fastify();
  let made = 0;
  const calls = new CallLimit(CALLS, () => realClock);
  const tokens = new Map<unknown, ShownToken>();
  server.decorateRequest("token", null);
  const shareFromHere = shareAnswers(server, calls);
  httpRules(server);
  server.addHook("onRequest", (asked, _reply, done) => {
    asked.token = tokens.get(asked.headers.authorization) ?? null;
    done();
  });
  calls.guard(server);
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
  server.get("/counted", { config: { shared: true } }, () => [{ id: `made ${String((made += 1))}` }]);
  server.get("/long", { config: { shared: true } }, () => [{ id: "ü".repeat(2_000) }]);
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

  test("the same head in the same turn: the same bytes under an id of its own; a turn later anew", async (t) => {
    made = 0;
    const turn = await openTurns(t);
    const answers = await turn(["/counted", {}], ["/counted", {}], ["/counted", { accept: "text/x" }]);
    assert.equal(
      answers.map((one) => one.body),
      Array<string>(3).fill('[{"id":"made 1"}]'),
    );
    assert.is(turn.again(), 1);
    assert.is(new Set(answers.map((one) => one.headers["request-id"])).size, 3);
    assert.equal(withoutId(answers[1]), withoutId(answers[0]));
    const [later] = await turn(["/counted", {}]);
    assert.is(later?.body, '[{"id":"made 2"}]');
    const own = await turn(["/own", {}], ["/own", {}]);
    assert.equal(
      own.map((one) => one.body),
      ['{"made":3}', '{"made":4}'],
    );
  });

  test("of many bytes, of a range, and for who has it already", async (t) => {
    const turn = await openTurns(t);
    const [long, longAgain] = await turn(["/long", {}], ["/long", {}]);
    assert.is(longAgain?.body, long?.body);
    assert.is(Number(longAgain?.headers["content-length"]), Buffer.byteLength(long?.body ?? ""));
    const known = { "if-none-match": String(long?.headers["etag"]) };
    const cut = { range: "id ..; max=1" };
    const answers = await turn(["/long", known], ["/long", known], ["/same", cut], ["/same", cut], ["/same", {}]);
    assert.equal(
      answers.map((one) => one.status),
      [304, 304, 206, 206, 200],
    );
    assert.equal(answers.map((one) => one.body).slice(0, 4), ["", "", '[{"id":"a"}]', '[{"id":"a"}]']);
    assert.is(answers[3]?.headers["next-range"], "id ]a..; max=1, order=asc");
    assert.is(turn.again(), 3);
  });

  test("each costs a call of its token", async (t) => {
    const turn = await openTurns(t);
    const credential = { authorization: "Bearer a" };
    tokens.set(credential.authorization, { text: "a", about: {} as never, onRevoked: new Set() });
    const answers = await turn(...Array.from({ length: CALLS + 2 }, (): Question => ["/same", credential]));
    assert.equal(
      answers.map(({ status, headers }) => [status, headers["ratelimit-remaining"]]),
      [
        [200, "3"],
        [200, "2"],
        [200, "1"],
        [200, "0"],
        [429, "0"],
        [429, "0"],
      ],
    );
    assert.is(turn.again(), CALLS - 1);
  });

  type Question = [path: string, headers: Record<string, string>];

  interface Turn {
    /** Sends these on connections of their own, and has the server look at them in one turn, in this order. */
    (...questions: Question[]): Promise<Heard[]>;
    /** How many were answered before the server was asked, since the last look. */
    again(): number;
  }

  async function openTurns(t: TestContext): Promise<Turn> {
    await server.ready();
    let answered = 0;
    const arrivals: ((pair: [IncomingMessage, ServerResponse]) => void)[] = [];
    const front = createServer((...pair) => arrivals.shift()?.(pair));
    await new Promise<void>((resolve) => front.listen(0, "127.0.0.1", resolve));
    t.after(() => front.close());
    const { port } = front.address() as AddressInfo;
    const turn = async (...questions: Question[]): Promise<Heard[]> => {
      const pairs: [IncomingMessage, ServerResponse][] = [];
      const heard: Promise<Heard>[] = [];
      for (const [path, headers] of questions) {
        const arrived = new Promise<[IncomingMessage, ServerResponse]>((resolve) => arrivals.push(resolve));
        heard.push(ask(port, path, headers));
        pairs.push(await arrived);
      }
      for (const pair of pairs) {
        if (server.sameHeads.answer(...pair)) answered += 1;
        else server.routing(...pair);
        // What needs no disk is answered meanwhile, and the turn is still the same.
        for (let step = 0; step < 100; step += 1) await Promise.resolve();
      }
      return Promise.all(heard);
    };
    const again = (): number => answered;
    return Object.assign(turn, { again });
  }
});

interface Heard {
  status: number | undefined;
  headers: Record<string, unknown>;
  body: string;
}

function ask(port: number, path: string, headers: Record<string, string>): Promise<Heard> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: "127.0.0.1", port, path, agent: false, headers });
    outgoing.on("error", reject).on("response", (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      response.on("end", () => resolve({ status: response.statusCode, headers: response.headers, body: text }));
    });
    outgoing.end();
  });
}

function withoutId(one: Heard | undefined): unknown {
  return { ...one, headers: { ...one?.headers, "request-id": "" } };
}
