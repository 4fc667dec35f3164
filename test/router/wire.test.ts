import * as assert from "uvu/assert";
import {
  formatCall,
  formatNotice,
  parseCall,
  parseNotice,
  readRoute,
  type RouterEvent,
  type RouterReply,
  type RouterRequest,
  WireError,
} from "../../src/router/wire.ts";
import { describe } from "../support/suite.ts";

const ROUTE = {
  app: "foobaz",
  domains: ["www.example.com"],
  maintenance: true,
  state: "up",
  backends: [{ ps: "web.1", host: "127.0.0.1", port: 1234 }],
} as const;

const REQUESTS: RouterRequest[] = [
  { op: "hello", wire: 1 },
  { op: "setApp", route: ROUTE },
  { op: "removeApp", app: "foobaz" },
  { op: "keepApps", apps: ["foobaz", "other"] },
  { op: "drained", backend: { host: "127.0.0.1", port: 1234 }, timeoutMs: 30_000 },
  { op: "replace", program: { node: "/usr/bin/node", script: "/x/routerd.js" } },
  { op: "drain" },
  { op: "end" },
];

const NOTICES: (RouterReply | RouterEvent)[] = [
  { id: 1, ok: null },
  { id: 2, ok: true },
  { id: 3, error: "no\nline" },
  { event: "wake", app: "foobaz" },
  { event: "spool", name: "20261125T125012345Z-4711.000002" },
  { event: "replaced", id: "20261125T125012345Z-4712" },
];

describe("router wire", (test) => {
  test("what is said is one line, and read as it was said", () => {
    for (const [id, request] of REQUESTS.entries()) {
      const line = formatCall({ id, request });
      assert.is(line.indexOf("\n"), line.length - 1);
      assert.equal(parseCall(line), { id, request });
    }
    for (const notice of NOTICES) {
      const line = formatNotice(notice);
      assert.is(line.indexOf("\n"), line.length - 1);
      assert.equal(parseNotice(line), notice);
    }
  });

  test("what a neighbouring version says: unknown keys are kept, missing ones have their defaults", () => {
    assert.equal(readRoute({ app: "a", pages: { H10: "…" } }), {
      app: "a",
      domains: [],
      maintenance: false,
      state: "none",
      backends: [],
      pages: { H10: "…" },
    });
    assert.equal(parseCall('{"id":1,"op":"unheard","of":1}'), { id: 1, request: { op: "unheard", of: 1 } });
    assert.equal(parseNotice('{"event":"unheard"}'), { event: "unheard" });
  });

  test("what is not of the protocol is refused", () => {
    const calls = [
      "",
      "{",
      "[]",
      "null",
      '{"op":"end"}',
      '{"id":1}',
      '{"id":1,"op":"hello"}',
      '{"id":1,"op":"setApp","route":{}}',
      '{"id":1,"op":"setApp","route":null}',
      '{"id":1,"op":"removeApp"}',
      '{"id":1,"op":"keepApps","apps":"a"}',
      '{"id":1,"op":"drained","backend":1}',
    ];
    for (const line of calls)
      assert.throws(
        () => parseCall(line),
        (error: unknown) => error instanceof WireError,
        line,
      );
    for (const line of ["", "1", "{}", '{"id":1}', '{"error":"x"}'])
      assert.throws(
        () => parseNotice(line),
        (error: unknown) => error instanceof WireError,
        line,
      );
  });
});
