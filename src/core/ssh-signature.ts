/** Reads SSH signatures and SSH public keys of type ed25519 (OpenSSH's PROTOCOL.sshsig). Only the one form that the
 *  ledger writes is accepted, so that no bytes outside of what is signed can be varied. Whether a signature is right is
 *  for the caller, who has the cryptography. */
import { decodeBase64, encodeBase64, Fields } from "./ssh-blob.ts";

export interface SshSignature {
  /** Of the key that it says it was made with: `ssh-ed25519 AAAA…` */
  publicKey: string;
  namespace: string;
  /** The 64 bytes of Ed25519. */
  bytes: Uint8Array;
}

const KEY_TYPE = "ssh-ed25519";
const HASH = "sha512";
const MAGIC = "SSHSIG";
const RAW_KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;
/** Magic, version, the empty reserved field, hash, algorithm, bytes of the signature. */
const FORM = `${MAGIC}|1||${HASH}|${KEY_TYPE}|${String(SIGNATURE_BYTES)}`;
/** Far above what an ed25519 key or signature takes: what is larger is not even decoded. */
const TEXT_LENGTH_MAX = 1000;
const ARMOUR =
  /^-----BEGIN SSH SIGNATURE-----\n((?:[A-Za-z0-9+/=]{70}\n)*[A-Za-z0-9+/=]{1,70})\n-----END SSH SIGNATURE-----$/;

/** Undefined unless it is an ed25519 signature over a SHA-512, in lines of 70 characters, with nothing besides. */
export function parseSshSignature(armoured: string): SshSignature | undefined {
  const text = ARMOUR.exec(armoured)?.[1]?.replaceAll("\n", "");
  const blob = new Fields(text === undefined ? undefined : decodeBase64(text, TEXT_LENGTH_MAX));
  const [magic, version] = [blob.raw(MAGIC.length), blob.number()];
  const key = blob.bytes();
  const [namespace, reserved, hash] = [blob.text(), blob.text(), blob.text()];
  const signature = new Fields(blob.bytes());
  const [algorithm, bytes] = [signature.text(), signature.bytes()];
  const form = [magic, String(version), reserved, hash, algorithm, String(bytes.length)].join("|");
  const isWhole = blob.isDone && signature.isDone && rawKeyIn(key) !== undefined;
  return isWhole && form === FORM ? { publicKey: `${KEY_TYPE} ${encodeBase64(key)}`, namespace, bytes } : undefined;
}

/** The 32 bytes of `ssh-ed25519 AAAA…`; undefined for anything else, a comment behind it included. */
export function rawKeyOf(publicKey: string): Uint8Array | undefined {
  const text = /^ssh-ed25519 ([A-Za-z0-9+/=]+)$/.exec(publicKey)?.[1];
  const blob = text === undefined ? undefined : decodeBase64(text, TEXT_LENGTH_MAX);
  return blob && rawKeyIn(blob);
}

function rawKeyIn(keyBlob: Uint8Array): Uint8Array | undefined {
  const fields = new Fields(keyBlob);
  if (fields.text() !== KEY_TYPE) return undefined;
  const raw = fields.bytes();
  return fields.isDone && raw.length === RAW_KEY_BYTES ? raw : undefined;
}

/** The key as bytes, as fingerprints are made of it. */
export function keyBlobOf(publicKey: string): Uint8Array {
  return decodeBase64(publicKey.slice(KEY_TYPE.length + 1), TEXT_LENGTH_MAX) ?? new Uint8Array();
}

/** What is really signed: the digest of the payload, with the namespace bound to it. */
export function signedBytes(namespace: string, sha512: Uint8Array): Uint8Array {
  const encoder = new TextEncoder();
  const parts = [namespace, "", HASH].map((text) => packed(encoder.encode(text)));
  return joined([encoder.encode(MAGIC), ...parts, packed(sha512)]);
}

function packed(bytes: Uint8Array): Uint8Array {
  const whole = new Uint8Array(4 + bytes.length);
  new DataView(whole.buffer).setUint32(0, bytes.length);
  whole.set(bytes, 4);
  return whole;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
