/** The platform's ledger key: an Ed25519 key that signs every commit the ledger writes, in the form that
 *  `git verify-commit` and `ssh-keygen -Y verify` accept (OpenSSH's PROTOCOL.sshsig, namespace `git`). */
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { readFile } from "node:fs/promises";
import { AppError } from "../core/error.ts";
import { createDurably, readIfThere } from "./durable-file.ts";

export interface LedgerKey {
  /** `ssh-ed25519 AAAA…` */
  publicKey: string;
  /** The armoured signature of some bytes. */
  sign(payload: Uint8Array): string;
}

const KEY_TYPE = "ssh-ed25519";
const NAMESPACE = "git";
const HASH = "sha512";
const RAW_KEY_BYTES = 32;
const ARMOUR_COLUMNS = 70;

/** Reads the key file, which it makes (0600) when there is none. */
export async function openLedgerKey(path: string): Promise<LedgerKey> {
  const pem = (await readIfThere(path)) ?? (await makeKeyFile(path));
  return ledgerKey(createPrivateKey(pem));
}

/** Of a key file's text.
 *  @throws AppError invalid_params when it is no Ed25519 private key. */
export function parseLedgerKey(pem: string): LedgerKey {
  let key: KeyObject | undefined;
  try {
    key = createPrivateKey(pem);
  } catch {
    // The reason might quote the key.
  }
  if (key?.asymmetricKeyType === "ed25519") return ledgerKey(key);
  throw new AppError("invalid_params", "The ledger key cannot be read: it is no Ed25519 private key in PEM.");
}

/** As ssh-keygen prints it: `SHA256:…` */
export function keyFingerprint(publicKey: string): string {
  const blob = Buffer.from(publicKey.split(" ")[1] ?? "", "base64");
  return `SHA256:${createHash("sha256").update(blob).digest("base64").replace(/=+$/, "")}`;
}

/** A line for git's `gpg.ssh.allowedSignersFile`. */
export function allowedSignersLine(email: string, publicKey: string): string {
  return `${email} namespaces="${NAMESPACE}" ${publicKey}\n`;
}

async function makeKeyFile(path: string): Promise<string> {
  const { privateKey } = generateKeyPairSync("ed25519");
  await createDurably(path, privateKey.export({ type: "pkcs8", format: "pem" }), 0o600);
  // Read back: another process may have been first.
  return readFile(path, "utf8");
}

function ledgerKey(privateKey: KeyObject): LedgerKey {
  const spki = createPublicKey(privateKey).export({ type: "spki", format: "der" });
  const publicBlob = Buffer.concat([packed(KEY_TYPE), packed(spki.subarray(-RAW_KEY_BYTES))]);
  return {
    publicKey: `${KEY_TYPE} ${publicBlob.toString("base64")}`,
    sign(payload) {
      const digest = createHash(HASH).update(payload).digest();
      const fields = [packed(NAMESPACE), packed(""), packed(HASH)];
      const signed = Buffer.concat([Buffer.from("SSHSIG"), ...fields, packed(digest)]);
      const signature = Buffer.concat([packed(KEY_TYPE), packed(sign(null, signed, privateKey))]);
      const version = Buffer.from([0, 0, 0, 1]);
      return armour(Buffer.concat([Buffer.from("SSHSIG"), version, packed(publicBlob), ...fields, packed(signature)]));
    },
  };
}

/** An SSH string: length, then bytes. */
function packed(value: string | Uint8Array): Buffer {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

function armour(blob: Buffer): string {
  const text = blob.toString("base64");
  const lines = ["-----BEGIN SSH SIGNATURE-----"];
  for (let at = 0; at < text.length; at += ARMOUR_COLUMNS) lines.push(text.slice(at, at + ARMOUR_COLUMNS));
  return [...lines, "-----END SSH SIGNATURE-----"].join("\n");
}
