import * as assert from "uvu/assert";
import { isFailure, parseRouterLine } from "../../src/core/router-line.ts";
import { describe } from "../support/suite.ts";

const OURS =
  'at=info method=GET path="/orders/17?page=2" host=foobaz.localhost request_id=9b2c1e5a fwd="127.0.0.1" dyno=web.1 connect=1ms service=33ms status=200 bytes=27 protocol=http';
const FAILED =
  'sock=client at=error code=H12 desc="Request timeout" method=POST path="/pay" host=a.b request_id=1 fwd="192.0.2.1" dyno=web.2 connect=0ms service=30000ms status=503 bytes=0 protocol=https';
const NO_DYNO =
  'at=error code=H10 desc="App crashed" method=GET path="/" host=a.b request_id=1 fwd="192.0.2.1" dyno= connect= service= status=503 bytes= protocol=http';

describe("router line", (test) => {
  test("its fields", () => {
    assert.equal(parseRouterLine(OURS), {
      path: "/orders/17?page=2",
      at: "info",
      code: "",
      desc: "",
      dyno: "web.1",
      connectMs: 1,
      serviceMs: 33,
      status: 200,
    });
    assert.equal(parseRouterLine(FAILED), {
      path: "/pay",
      at: "error",
      code: "H12",
      desc: "Request timeout",
      dyno: "web.2",
      connectMs: 0,
      serviceMs: 30_000,
      status: 503,
    });
    assert.equal(parseRouterLine(NO_DYNO), {
      path: "/",
      at: "error",
      code: "H10",
      desc: "App crashed",
      dyno: "",
      connectMs: undefined,
      serviceMs: undefined,
      status: 503,
    });
  });

  test("the same as it is stored, its quotes escaped", () => {
    for (const line of [OURS, FAILED, NO_DYNO])
      assert.equal(parseRouterLine(JSON.stringify(line).slice(1, -1)), parseRouterLine(line));
  });

  test("what a client says is no field", () => {
    const forged = OURS.replace("127.0.0.1", "1.1.1.1 dyno=web.9 service=9ms status=500 code=H99");
    assert.equal(parseRouterLine(forged), parseRouterLine(OURS));
    const path = OURS.replace("/orders/17?page=2", "/x?service=1ms&code=H12");
    assert.equal(parseRouterLine(path), { ...parseRouterLine(OURS), path: "/x?service=1ms&code=H12" });
  });

  test("other lines of the router are no requests", () => {
    for (const text of ["", "Error page of http://x could not be read", 'at=info path="/', "path=/x"])
      assert.is(parseRouterLine(text), undefined);
  });

  test("a failure is a status of 5xx or a code", () => {
    const table: [number | undefined, string, boolean][] = [
      [200, "", false],
      [404, "", false],
      [499, "H27", true],
      [500, "", true],
      [503, "H12", true],
      [undefined, "", false],
    ];
    for (const [status, code, expected] of table) assert.is(isFailure({ status, code }), expected);
  });
});
