import * as assert from "uvu/assert";
import { parseDrainUrl, readDrains, storeDrains } from "../../src/core/drain.ts";
import { maskUrl } from "../../src/core/http-target.ts";
import { drainRetryMs, retryAfterMs, verdictOf } from "../../src/core/drain-retry.ts";
import { refuses } from "../support/assert.ts";
import { describe } from "../support/suite.ts";

const ID = "9b2c1e5a-0d7f-4c7e-8a53-2f0a4a1b6c9d";

describe("drain URL", (test) => {
  test("says where to and how", () => {
    const syslog = { kind: "syslog", isEncrypted: false };
    const http = { kind: "http", isEncrypted: true, path: "/", auth: undefined };
    const targets: [string, unknown][] = [
      ["syslog://logs.example.com:1514", { ...syslog, host: "logs.example.com", port: 1514 }],
      ["syslog://logs.example.com/", { ...syslog, host: "logs.example.com", port: 514 }],
      ["SYSLOG+TLS://[::1]", { ...syslog, isEncrypted: true, host: "::1", port: 6514 }],
      ["https://logs.example.com", { ...http, host: "logs.example.com", port: 443 }],
      [
        "http://127.0.0.1:8080/in?a=1&b",
        { ...http, isEncrypted: false, host: "127.0.0.1", port: 8080, path: "/in?a=1&b" },
      ],
      ["https://ned:p%40ss@h/x", { ...http, host: "h", port: 443, path: "/x", auth: "ned:p@ss" }],
      ["https://TOKEN@h/x", { ...http, host: "h", port: 443, path: "/x", auth: "TOKEN:" }],
    ];
    for (const [text, target] of targets) assert.equal(parseDrainUrl(text), target, text);
  });

  test("is refused without telling it, where nothing can be sent", async () => {
    const refused = [
      "",
      "s3cret",
      "ftp://ned:s3cret@h",
      "udp://h:514",
      "https://",
      "https://ned:s3cret@h/\n",
      "https://ned:%ffs3cret@h/",
      "https://h/ s3cret",
      "syslog://ned:s3cret@h:514",
      "syslog://h:514/s3cret",
      "syslog://h:514?s3cret",
      "syslog://h:0",
      "syslog://:514",
      "syslog://bücher.example:514",
      `https://h/${"s3cret".repeat(200)}`,
    ];
    for (const text of refused) {
      const error = await refuses("invalid_params", () => parseDrainUrl(text));
      assert.not.match(`${error.message} ${String(error.hint)}`, "s3cret", text);
    }
  });

  test("is shown without what may be secret", () => {
    const shown: [string, string][] = [
      ["syslog+tls://logs.example.com:6514", "syslog+tls://logs.example.com:6514"],
      ["https://ned:s3cret@h:8443/in/put", "https://****:****@h:8443/in/put"],
      ["https://s3cret@h/", "https://****@h/"],
      ["https://h/v1/aVeryLongKeyThatOpensAll?key=s3cret&s3cret&n=1", "https://h/v1/****?key=****&****&n=****"],
      ["no URL", "****"],
    ];
    for (const [text, masked] of shown) assert.is(maskUrl(text), masked);
  });

  test("what the state says is read, as far as it can be", () => {
    const [one, two] = [
      { id: ID, token: `d.${ID}`, createdAt: "2026-11-23T08:35:19Z", url: "encrypted:one" },
      { id: ID.replace("9", "a"), token: "d.x", createdAt: "2026-11-22T08:35:19Z", url: "encrypted:two" },
    ];
    assert.equal(readDrains(storeDrains([one, two])), [two, one]);
    for (const stored of [undefined, [], "x", { [ID]: "x" }, { [ID]: { token: 1 } }, { x: { ...one } }])
      assert.equal(readDrains(stored), []);
  });
});

describe("drain retry", (test) => {
  test("waits longer each time, up to a limit, and never the same for all", () => {
    const rules = { maxMs: 60_000 };
    assert.equal(
      [1, 2, 3, 10, 13, 14, 50, 1e9].map((failures) => drainRetryMs(failures, rules, 0)),
      [5, 10, 20, 2560, 20_480, 30_000, 30_000, 30_000],
    );
    assert.equal(
      [0, 0.5, 0.99].map((chance) => drainRetryMs(3, rules, chance)),
      [20, 30, 40],
    );
    assert.is(drainRetryMs(50, rules, 0.999_999), 60_000);
  });

  test("a status says whether the receiver has it, never wants it, or cannot now", () => {
    const verdicts = Object.fromEntries(
      [200, 204, 299, 301, 400, 401, 404, 413, 429, 499, 500, 503, 0].map((status) => [status, verdictOf(status)]),
    );
    assert.equal(verdicts, {
      200: "delivered",
      204: "delivered",
      299: "delivered",
      301: "retry",
      400: "refused",
      401: "refused",
      404: "refused",
      413: "refused",
      429: "retry",
      499: "refused",
      500: "retry",
      503: "retry",
      0: "retry",
    });
    assert.equal(
      ["3", "900", undefined, "", "-1", "Wed, 25 Nov 2026 16:00:00 GMT"].map((text) =>
        retryAfterMs(text, { maxMs: 60_000 }),
      ),
      [3000, 60_000, undefined, undefined, undefined, undefined],
    );
  });
});
