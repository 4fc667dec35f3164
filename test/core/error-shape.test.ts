import * as assert from "uvu/assert";
import { beginsError, isContinuation, isFrame } from "../../src/core/error-line.ts";
import { errorShape, frameShape } from "../../src/core/error-shape.ts";
import { errorText } from "../../src/core/error-text.ts";
import { describe } from "../support/suite.ts";

const SHAPES: [text: string, shape: string][] = [
  ["Error: connect ECONNREFUSED 10.0.0.7:5432", "Error: connect ECONNREFUSED <address>"],
  ["Error: connect ECONNREFUSED ::1:5432 after 17.5s", "Error: connect ECONNREFUSED <address> after <n>s"],
  [
    "TypeError: Cannot read properties of undefined (reading 'total')",
    "TypeError: Cannot read properties of undefined (reading '…')",
  ],
  ["Cannot find module './lib/utils.js'", "Cannot find module '…'"],
  ['no "such \\"thing\\"" here', 'no "…" here'],
  ["can't and won't, 3 times", "can't and won't, <n> times"],
  ["order 9b2c1e5a-0d7f-4c7e-8a53-2f0a4a1b6c9d is gone", "order <uuid> is gone"],
  ["at 0x7ffc8cfe in deadbeef01", "at <hex> in <hex>"],
  ["2011-06-19 08:35:19,123 ERROR for kate@foobazco.com", "<time> ERROR for <address>"],
  ["2011-06-19T08:35:19.123Z ERROR H12 in utf8", "<time> ERROR H12 in utf8"],
  ["\u001b[31mError: boom\u001b[0m", "Error: boom"],
  ["  Error: 1,024 of 2.048 ", "Error: <n> of <n>"],
];

const FRAMES: [text: string, shape: string][] = [
  ["    at orders (/app/orders.js:17:21)", "at orders (/app/orders.js)"],
  ["    at /app/web.js:8:5", "at /app/web.js"],
  [
    "    at orders (/home/x/.git-heroku/apps/foobaz/run/web.1.74.7ffc8cfe/app/orders.js:17:21)",
    "at orders (/app/orders.js)",
  ],
  ['  File "/app/mail.py", line 12, in send', 'File "/app/mail.py", in send'],
  ["\tfrom app.rb:17:in `run'", "from app.rb:in `run'"],
  ["\tat com.foobazco.Orders.total(Orders.java:17)", "at com.foobazco.Orders.total(Orders.java)"],
];

/** Whether a line begins an error, goes on with one, or neither. */
const LINES: [text: string, level: string, kind: "begins" | "frame" | "goes on" | "other"][] = [
  ["TypeError: x is not a function", "", "begins"],
  ["Uncaught Error: boom", "", "begins"],
  ["Error", "", "begins"],
  ["Error [ERR_MODULE_NOT_FOUND]: Cannot find package", "", "begins"],
  ["[web] RangeError: no", "", "begins"],
  ["ActionView::Template::Error (undefined method):", "", "begins"],
  ['Exception in thread "main" java.lang.IllegalStateException: no', "", "begins"],
  ["java.lang.NullPointerException", "", "begins"],
  ["panic: runtime error: index out of range", "", "begins"],
  ["PHP Fatal error:  Uncaught Exception", "", "begins"],
  ["Error R14 (Memory quota exceeded)", "", "begins"],
  ["anything that states it", "error", "begins"],
  ["no error found", "", "other"],
  ["Errors: 0", "", "other"],
  ["error handling is on", "", "other"],
  ["GET /error", "", "other"],
  ["    at orders (/app/orders.js:17:21)", "error", "frame"],
  ['  File "/app/mail.py", line 12, in send', "", "frame"],
  ["\tfrom app.rb:17:in `run'", "", "frame"],
  ["app/models/order.rb:17:in `total'", "", "frame"],
  ["Caused by: java.io.IOException: no", "error", "goes on"],
  ["", "error", "goes on"],
  ["  code: 'ENOENT',", "error", "goes on"],
];

const TEXTS: [line: string, text: string][] = [
  ["plain", "plain"],
  ['{"level":50,"msg":"boom","pid":7}', "boom"],
  ['{"level":50,"msg":"boom","err":{"message":"timeout"}}', "boom: timeout"],
  ['{"error":"only this"}', "only this"],
  ['{"level":50}', '{"level":50}'],
  ["{broken", "{broken"],
  ['level=error msg="cannot \\"pay\\"" order=7 err=timeout', 'cannot "pay": timeout'],
  ["level=error msg=short", "short"],
];

describe("error shapes", (test) => {
  test("of messages", () => {
    for (const [text, shape] of SHAPES) assert.is(errorShape(text), shape);
  });

  test("of frames", () => {
    for (const [text, shape] of FRAMES) assert.is(frameShape(text), shape);
  });

  test("which lines begin an error, and which go on with one", () => {
    for (const [text, level, kind] of LINES) {
      const found = isFrame(text)
        ? "frame"
        : beginsError(text, level)
          ? "begins"
          : isContinuation(text)
            ? "goes on"
            : "other";
      assert.is(found, kind, text);
    }
  });

  test("what a structured line says", () => {
    for (const [line, text] of TEXTS) assert.is(errorText(line), text);
  });

  test("whatever is written takes no long time", () => {
    for (const text of [
      "a".repeat(60_000),
      "1:".repeat(30_000),
      "'".repeat(60_000),
      "/run".repeat(20_000),
      "{".repeat(60_000),
    ]) {
      assert.ok(errorShape(errorText(text)).length <= 300);
      assert.ok(frameShape(text).length <= 300);
      assert.is(beginsError(text.slice(0, 600), ""), false);
    }
  });
});
