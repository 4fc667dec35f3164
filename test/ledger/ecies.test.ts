import * as dotenvx from "@dotenvx/primitives";
import fc from "fast-check";
import { decrypt, encrypt, newPrivateKey, publicKeyOf } from "../../src/ledger/ecies.ts";
import * as assert from "uvu/assert";
import { describe } from "../support/suite.ts";

/** Enough that some keys and points begin with a zero byte. */
const PAIRS = 100;
const POINT_BYTES = 65;

const asText = (bytes: Buffer): string => `encrypted:${bytes.toString("base64")}`;

describe("values in dotenvx's format", (test) => {
  test("what dotenvx encrypts is decrypted, and the other way round", () => {
    const { privateKey, publicKey } = dotenvx.keypair();
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (plain) => {
        assert.is(decrypt(privateKey, dotenvx.encrypt(publicKey, plain)), plain);
        assert.is(dotenvx.decrypt(privateKey, encrypt(privateKey, plain)), plain);
      }),
      { numRuns: 10 },
    );
  });

  test("a public key is the one that dotenvx derives", () => {
    for (let key = 0; key < 10; key += 1) {
      const privateKey = newPrivateKey();
      assert.is(publicKeyOf(privateKey), dotenvx.keypair(privateKey).publicKey);
    }
  });

  test("every key opens what was encrypted for it, and no other", () => {
    const other = newPrivateKey();
    for (let pair = 0; pair < PAIRS; pair += 1) {
      const privateKey = newPrivateKey();
      const text = encrypt(privateKey, "top secret");
      assert.match(privateKey, /^[0-9a-f]{64}$/);
      assert.is(decrypt(privateKey, text), "top secret");
      assert.is(decrypt(other, text), undefined);
    }
  });

  test("a text that was cut or changed anywhere opens as nothing", () => {
    const privateKey = newPrivateKey();
    const bytes = Buffer.from(encrypt(privateKey, "value").slice("encrypted:".length), "base64");
    assert.is(decrypt(privateKey, asText(bytes)), "value");
    for (let at = 0; at < bytes.length; at += 1) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 1;
      assert.is(decrypt(privateKey, asText(changed)), undefined, `byte ${String(at)}`);
      assert.is(decrypt(privateKey, asText(bytes.subarray(0, at))), undefined, `${String(at)} bytes`);
    }
    assert.is(decrypt(privateKey, asText(Buffer.concat([Buffer.alloc(POINT_BYTES), bytes]))), undefined);
    assert.is(decrypt(privateKey, "value"), undefined);
  });
});
