import * as assert from "uvu/assert";
import { nearNames } from "../../src/core/near-names.ts";
import { describe } from "../support/suite.ts";

const NAMES = ["ps", "ps:scale", "ps:restart", "restart", "scale", "releases", "releases:info", "logs", "config:get"];

describe("near names", (test) => {
  test("finds a name behind letters swapped, missing, added or wrong", () => {
    assert.equal(nearNames("relaeses", NAMES), ["releases"]);
    assert.equal(nearNames("lgs", NAMES), ["logs"]);
    assert.equal(nearNames("logss", NAMES), ["logs"]);
    assert.equal(nearNames("ps:scal", NAMES), ["ps:scale"]);
  });

  test("finds a beginning, or the word behind a colon", () => {
    assert.equal(nearNames("conf", NAMES), ["config:get"]);
    assert.equal(nearNames("info", NAMES), ["releases:info"]);
  });

  test("makes no wild guess", () => {
    assert.equal(nearNames("kubernetes", NAMES), []);
    assert.equal(nearNames("x", NAMES), []);
  });
});
