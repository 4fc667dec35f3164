import { domainToASCII } from "node:url";
import * as assert from "uvu/assert";
import { parseBaseDomains, urlBelow } from "../../src/core/base-domain.ts";
import { isBelow, parseDomain, readDomains } from "../../src/core/domain.ts";
import { refuses } from "../support/assert.ts";
import { describe } from "../support/suite.ts";

function below(name: string): boolean {
  return isBelow(name, ["localhost", "apps.example.com"]);
}

describe("domain", (test) => {
  test("names are kept as browsers send them", () => {
    const cases = {
      "www.example.com": "www.example.com",
      "WWW.Example.COM.": "www.example.com",
      "*.Example.com": "*.example.com",
      "*.a.b.example.com": "*.a.b.example.com",
      "bücher.example": "xn--bcher-kva.example",
      "*.bücher.example": "*.xn--bcher-kva.example",
      "my_app.intern.example": "my_app.intern.example",
      "1.2.3.4.example.com": "1.2.3.4.example.com",
    };
    for (const [text, name] of Object.entries(cases)) assert.is(parseDomain(text, domainToASCII), name);
  });

  test("what is no host name is refused", async () => {
    const long = `${"a".repeat(64)}.example.com`;
    const longer = `${"abcdefgh.".repeat(30)}example.com`;
    const bad = [
      "",
      "localhost",
      "*",
      "*.com",
      "a.*.com",
      "*.*.com",
      "-a.com",
      "a-.com",
      "a..com",
      ".a.com",
      long,
      longer,
    ];
    const addresses = [
      "127.0.0.1",
      "1.2",
      "0x7f.1",
      "[::1]",
      "::1",
      "a.com:80",
      "http://a.com",
      "a.com/b",
      "a b.com",
      "a\n.com",
    ];
    for (const text of [...bad, ...addresses]) {
      await refuses("invalid_params", () => parseDomain(text, domainToASCII));
    }
  });

  test("a damaged file reads as far as it is whole", () => {
    const at = "2026-11-23T08:35:19Z";
    assert.equal(readDomains({ "a.example": at, b: at, "c.example": 5, __proto__: at }), { "a.example": at });
    for (const stored of [undefined, null, 5, "a.example", ["a.example"]]) assert.equal(readDomains(stored), {});
  });

  test("names below a base domain are the platform's", () => {
    const names = ["a.localhost", "apps.example.com", "*.apps.example.com", "a.b.apps.example.com"];
    assert.equal(names.map(below), [true, true, true, true]);
    assert.equal(["example.com", "*.example.com", "myapps.example.com", "a.localhost.de"].map(below), [
      false,
      false,
      false,
      false,
    ]);
  });

  test("base domains, with or without a front", async () => {
    const bases = parseBaseDomains("https://Apps.example.com, localhost,http://b.example:8080");
    const urls = bases.map((base) => urlBelow(base, "foobaz", 5000));
    assert.equal(urls, [
      "https://foobaz.apps.example.com",
      "http://foobaz.localhost:5000",
      "http://foobaz.b.example:8080",
    ]);
    for (const text of [",", "a b", "ftp://a.com", "a.com/b", "a.com:0", "a.com:70000", "*.a.com"])
      await refuses("invalid_params", () => parseBaseDomains(text));
  });
});
