/** Ed25519 keys that are the same in every run, and signatures by them in every form, right ones and wrong ones. */
import { createHash, createPrivateKey, createPublicKey, sign, type KeyObject } from "node:crypto";

const PKCS8_HEAD = Buffer.from("302e020100300506032b657004220420", "hex");

export interface TestKey {
  publicKey: string;
  fingerprint: string;
  private: KeyObject;
  blob: Buffer;
}

export interface SignatureForm {
  namespace?: string;
  reserved?: string;
  hash?: "sha512" | "sha256";
  columns?: number;
}

const known = new Map<string, TestKey>();

export function testKey(name: string): TestKey {
  const made = known.get(name) ?? makeKey(name);
  known.set(name, made);
  return made;
}

function makeKey(name: string): TestKey {
  const seed = createHash("sha256").update(name).digest();
  const key = createPrivateKey({ key: Buffer.concat([PKCS8_HEAD, seed]), format: "der", type: "pkcs8" });
  const raw = createPublicKey(key).export({ type: "spki", format: "der" }).subarray(-32);
  const blob = Buffer.concat([sshString("ssh-ed25519"), sshString(raw)]);
  return {
    publicKey: `ssh-ed25519 ${blob.toString("base64")}`,
    fingerprint: `SHA256:${createHash("sha256").update(blob).digest("base64").replace(/=+$/, "")}`,
    private: key,
    blob,
  };
}

export function signAs(key: TestKey, payload: string, form: SignatureForm = {}): string {
  const { namespace = "git", reserved = "", hash = "sha512", columns = 70 } = form;
  const fields = [namespace, reserved, hash].map((text) => sshString(text));
  const digest = createHash(hash).update(payload).digest();
  const signed = sign(null, Buffer.concat([Buffer.from("SSHSIG"), ...fields, sshString(digest)]), key.private);
  const signature = Buffer.concat([sshString("ssh-ed25519"), sshString(signed)]);
  const head = Buffer.concat([Buffer.from("SSHSIG\0\0\0\u0001", "latin1"), sshString(key.blob)]);
  const text = Buffer.concat([head, ...fields, sshString(signature)]).toString("base64");
  const lines = text.match(new RegExp(`.{1,${String(columns)}}`, "g")) ?? [];
  return ["-----BEGIN SSH SIGNATURE-----", ...lines, "-----END SSH SIGNATURE-----"].join("\n");
}

function sshString(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
