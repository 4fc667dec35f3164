/** What is an SSH public key here, and above all what is none. */
import * as assert from "uvu/assert";
import { formatAuthorizedKeys, formatKeys, parseKeys, type AccessKey } from "../../src/core/access-key.ts";
import { AppError } from "../../src/core/error.ts";
import { parseSshKey } from "../../src/core/ssh-key.ts";
import { describe } from "../support/suite.ts";

type Part = string | Uint8Array;

function blobOf(...parts: Part[]): Buffer {
  return Buffer.concat(
    parts.flatMap((part) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(part.length);
      return [length, Buffer.from(part as string)];
    }),
  );
}

function keyOf(type: string, ...parts: Part[]): string {
  return `${type} ${blobOf(type, ...parts).toString("base64")}`;
}

/** A positive number of so many bits as SSH writes it, odd. */
function number(bits: number): Buffer {
  const digits = Buffer.alloc(Math.ceil(bits / 8), 0xab);
  digits[0] = 1 << ((bits - 1) % 8);
  digits[digits.length - 1] = (digits.at(-1) ?? 0) | 1;
  return bits % 8 === 0 ? Buffer.concat([Buffer.of(0), digits]) : digits;
}

function point(bytes: number): Buffer {
  return Buffer.concat([Buffer.of(4), Buffer.alloc(bytes - 1, 7)]);
}

const E = Buffer.of(1, 0, 1);
const ED25519 = keyOf("ssh-ed25519", Buffer.alloc(32, 9));
const RSA = keyOf("ssh-rsa", E, number(2048));
const GOOD: Record<string, string> = {
  ed25519: ED25519,
  "ecdsa 256": keyOf("ecdsa-sha2-nistp256", "nistp256", point(65)),
  "ecdsa 384": keyOf("ecdsa-sha2-nistp384", "nistp384", point(97)),
  "ecdsa 521": keyOf("ecdsa-sha2-nistp521", "nistp521", point(133)),
  "security key": keyOf("sk-ssh-ed25519@openssh.com", Buffer.alloc(32, 9), "ssh:"),
  "security key, ecdsa": keyOf("sk-ecdsa-sha2-nistp256@openssh.com", "nistp256", point(65), "ssh:"),
  "rsa 2048": RSA,
  "rsa 3071": keyOf("ssh-rsa", E, number(3071)),
  "rsa 16384": keyOf("ssh-rsa", E, number(16_384)),
};

const BAD: [what: string, text: string, says: RegExp][] = [
  ["a command before it", `command="sh" ${ED25519}`, /options before the key/],
  ["several options", `no-pty,environment="PATH=/tmp",permitopen="h:1" ${ED25519}`, /options before the key/],
  ["an option without a value", `cert-authority ${ED25519}`, /options before the key/],
  ["a principal's options", `restrict ${ED25519} kate`, /options before the key/],
  ["a second line", `${ED25519}\ncommand="sh" ${RSA}\n`, /several lines/],
  ["a second line after a carriage return", `${ED25519} kate\rcommand="sh" ${RSA}`, /control characters/],
  ["an empty line before it", `\n${ED25519}`, /several lines/],
  ["a line separator", `${ED25519} kate\u2028${RSA}`, /control characters/],
  ["a NUL", `${ED25519} kate\0`, /control characters/],
  ["an escape sequence in its comment", `${ED25519} \u001b[2J`, /control characters/],
  ["a tab between", ED25519.replace(" ", "\t"), /control characters/],
  ["nothing", " \n", /no key in it/],
  ["no base64", "ssh-ed25519 !!!!", /not base64/],
  ["base64 with something behind", `${ED25519.slice(0, -1)}=A`, /not base64/],
  ["cut off", ED25519.slice(0, -8), /no whole ssh-ed25519 key/],
  ["too long", keyOf("ssh-ed25519", Buffer.alloc(33)), /no whole ssh-ed25519 key/],
  ["something behind the key", keyOf("ssh-ed25519", Buffer.alloc(32), "more"), /no whole ssh-ed25519 key/],
  ["another type within", `ssh-rsa ${ED25519.split(" ")[1] ?? ""}`, /it is another one/],
  ["RSA of 1024 bits", keyOf("ssh-rsa", E, number(1024)), /1024 bits/],
  ["RSA of 2047 bits", keyOf("ssh-rsa", E, number(2047)), /2047 bits/],
  ["RSA padded with zeros", keyOf("ssh-rsa", E, Buffer.concat([Buffer.alloc(200), number(1024)])), /no whole ssh-rsa/],
  ["RSA, negative", keyOf("ssh-rsa", E, Buffer.alloc(256, 0xff)), /no whole ssh-rsa/],
  ["RSA, even exponent", keyOf("ssh-rsa", Buffer.of(2), number(2048)), /no whole ssh-rsa/],
  ["RSA, exponent 1", keyOf("ssh-rsa", Buffer.of(1), number(2048)), /no whole ssh-rsa/],
  ["RSA of 16385 bits", keyOf("ssh-rsa", E, number(16_385)), /no whole ssh-rsa/],
  ["DSA", keyOf("ssh-dss", number(1024)), /DSA keys are too weak/],
  ["a certificate", keyOf("ssh-ed25519-cert-v01@openssh.com", Buffer.alloc(32)), /Certificates are not taken/],
  ["an unknown type", keyOf("ssh-kyber", Buffer.alloc(32)), /type of key that is known/],
  ["an inherited name as its type", "constructor AAAA", /type of key that is known/],
  ["another curve", keyOf("ecdsa-sha2-nistp256", "nistp384", point(97)), /no whole ecdsa/],
  ["a compressed point", keyOf("ecdsa-sha2-nistp256", "nistp256", Buffer.alloc(33, 2)), /no whole ecdsa/],
  ["a private key", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n-----END", /a private key/],
  ["another form", '---- BEGIN SSH2 PUBLIC KEY ----\nComment: "x"\nAAAA', /another form/],
  ["a megabyte", `ssh-ed25519 ${"A".repeat(1_000_000)}`, /far too long/],
];

function refusal(text: string): AppError {
  try {
    parseSshKey(text);
  } catch (error) {
    if (error instanceof AppError) return error;
  }
  throw new Error("It was taken.");
}

const PERSON = { name: "Kate Bush", email: "kate@foobazco.com" };
const fingerprintOf = (blob: Uint8Array): string => `SHA256:${String(blob.length)}`;

function accessKey(publicKey: string): AccessKey {
  const { blob } = parseSshKey(publicKey);
  return { fingerprint: fingerprintOf(blob), publicKey, comment: "a", owner: PERSON, isAdmin: false, addedAt: 1_000 };
}

describe("ssh keys", (test) => {
  test("each type is read, with and without a comment and an end of line", () => {
    for (const [what, key] of Object.entries(GOOD)) {
      assert.is(parseSshKey(key).publicKey, key, what);
      const { publicKey, comment } = parseSshKey(`${key}  Kate's "laptop" \\ $(id) \r\n`);
      assert.equal([publicKey, comment], [key, `Kate's "laptop" \\ $(id)`], what);
    }
  });

  test("keys with options, newlines or anything else about them are refused, and it is said why", () => {
    for (const [what, text, says] of BAD) {
      const { id, message, hint } = refusal(text);
      assert.is(id, "invalid_params", what);
      assert.match(message, says, what);
      assert.ok(hint !== undefined, what);
      assert.not.match(message, /[\0-\x1f]/, what);
    }
  });

  test("authorized_keys has nothing that a person typed, and quotes what an odd place needs", () => {
    const keys = [accessKey(ED25519), accessKey(RSA)];
    const lines = formatAuthorizedKeys(keys, ['/opt/it\'s "here"/ssh-command', "/var/lib/x"]).trimEnd().split("\n");
    assert.is(lines.length, 3);
    const command = String.raw`'/opt/it'\''s \"here\"/ssh-command' '/var/lib/x' 'SHA256:51'`;
    assert.is(lines[1], `restrict,command="${command}" ${ED25519}`);
    for (const line of lines.slice(1)) assert.match(line, /^restrict,command="[^\n]*" ssh-\S+ [A-Za-z0-9+/=]+$/);
  });

  test("the stored list is read whole or not at all", () => {
    const keys = [accessKey(ED25519), accessKey(RSA)];
    const stored = formatKeys(keys);
    assert.equal(parseKeys(JSON.parse(JSON.stringify(stored)), fingerprintOf), keys);
    const [first] = stored.keys;
    const odd: unknown[] = [
      undefined,
      [],
      { keys: {} },
      ...Object.keys(first ?? {}).map((name) => ({ keys: [{ ...first, [name]: 7 }] })),
      { keys: [{ ...first, public_key: `restrict ${ED25519}` }] },
      { keys: [{ ...first, public_key: `${ED25519} kate` }] },
      { keys: [{ ...first, public_key: RSA }] },
      { keys: [first, first] },
    ];
    for (const one of odd) assert.is(parseKeys(one, fingerprintOf), undefined, JSON.stringify(one));
  });
});
