/** Webhooks as they are stored, named and tried again. */
import * as assert from "uvu/assert";
import {
  formatSecrets,
  parseEntities,
  parseSecrets,
  parseWebhookUrl,
  readWebhooks,
  storeWebhooks,
  webhookRetryMs,
  type StoredWebhook,
} from "../../src/core/webhook.ts";
import { refuses } from "../support/assert.ts";
import { describe } from "../support/suite.ts";

const ID = "7ffc8cfe-0d7f-4c7e-8a53-2f0a4a1b6c9d";
const STORED: StoredWebhook = {
  id: ID,
  include: ["api:release", "dyno"],
  level: "sync",
  createdAt: "2026-11-23T16:22:14Z",
  updatedAt: "2026-11-23T16:22:14Z",
  sealed: "encrypted:…",
};

describe("webhook", (test) => {
  test("what was stored is read again, and what is no webhook is passed over", () => {
    const older = { ...STORED, id: ID.replace("7", "8"), createdAt: "2026-11-22T16:22:14Z" };
    assert.equal(readWebhooks(storeWebhooks([STORED, older])), [older, STORED]);
    for (const stored of [undefined, null, [], "x", { x: {} }, { [ID]: 1 }, { [ID]: { ...STORED, level: "often" } }]) {
      assert.equal(readWebhooks(stored), []);
    }
    const strange = { [ID]: { ...STORED, include: ["api:moon", "dyno"] } };
    assert.equal(readWebhooks(strange)[0]?.include, ["dyno"]);
    for (const authorization of [undefined, "Bearer x"]) {
      const secrets = { url: "https://foobazco.com/", secret: "s3cret", authorization };
      assert.equal(parseSecrets(formatSecrets(secrets)), secrets);
    }
    assert.is(parseSecrets('{"url":1}'), undefined);
  });

  test("only http and https are spoken, and no error quotes a URL", async () => {
    assert.is(parseWebhookUrl("https://foobazco.com/hook?key=s3cret").host, "foobazco.com");
    assert.is(parseWebhookUrl("http://[::1]:9/").host, "::1");
    // Another way to write the loopback.
    assert.is(parseWebhookUrl("http://0x7f.1/").host, "127.0.0.1");
    for (const url of ["s3cret", "ftp://s3cret@h/", "http://%zz@s3cret/", `https://h/${"s3cret".repeat(400)}`]) {
      const error = await refuses("invalid_params", () => parseWebhookUrl(url));
      assert.not.match(error.message, "s3cret");
    }
  });

  test("events are named by Heroku's words", async () => {
    assert.equal(parseEntities(["dyno", "api:build", "dyno"]), ["api:build", "dyno"]);
    for (const texts of [[], ["api:addon"], ["dyno", ""]]) {
      await refuses("invalid_params", () => parseEntities(texts));
    }
  });

  test("waits double up to the longest", () => {
    const waits = [1, 2, 3, 13, 1000].map((attempts) => webhookRetryMs(attempts, 3_600_000, 1 - Number.EPSILON));
    assert.equal(waits, [1_000, 2_000, 4_000, 3_600_000, 3_600_000]);
    assert.is(webhookRetryMs(1, 3_600_000, 0), 500);
  });
});
