/** Encrypted values in dotenvx's format, by Node's own cryptography (docs/decisions/058-node-opens-config.md): ECIES over
 *  secp256k1 as eciesjs does it, `encrypted:` and the base64 of
 *  ephemeral public key (65 bytes, uncompressed) + nonce (16) + tag (16) + AES-256-GCM ciphertext,
 *  the AES key being HKDF-SHA256 of the ephemeral key and the shared point, both uncompressed. Keys are hex. */
import { createCipheriv, createDecipheriv, createECDH, ECDH, hkdfSync, randomBytes } from "node:crypto";

const CURVE = "secp256k1";
/** The order of its group (SEC 2, section 2.4.1). */
const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const CIPHER = "aes-256-gcm";
const POINT_BYTES = 65;
const NONCE_BYTES = 16;
const TAG_BYTES = 16;
const HEAD_BYTES = POINT_BYTES + NONCE_BYTES + TAG_BYTES;
const NOTHING = Buffer.alloc(0);
/** First byte of a compressed point: which of its two y it is. */
const SIGNS = [Buffer.of(2), Buffer.of(3)];

export const ENCRYPTED_MARK = "encrypted:";

export function newPrivateKey(): string {
  const ecdh = createECDH(CURVE);
  ecdh.generateKeys();
  return ecdh.getPrivateKey("hex").padStart(64, "0");
}

/** Compressed. */
export function publicKeyOf(privateKey: string): string {
  return pairOf(privateKey).getPublicKey("hex", "compressed");
}

/** For whoever has the private key; each call gives another text. Who encrypts has it too: with it the shared point comes
 *  out whole, and not only its x, which is all that Node's ECDH tells. */
export function encrypt(privateKey: string, plain: string): string {
  const ephemeral = newPrivateKey();
  const point = pairOf(ephemeral).getPublicKey();
  const product = (BigInt(`0x${ephemeral}`) * BigInt(`0x${privateKey}`)) % ORDER;
  const shared = pairOf(product.toString(16).padStart(64, "0")).getPublicKey();
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, cipherKey(point, shared), nonce);
  const sealed = Buffer.concat([cipher.update(plain, "utf8"), cipher.final()]);
  return ENCRYPTED_MARK + Buffer.concat([point, nonce, cipher.getAuthTag(), sealed]).toString("base64");
}

/** Undefined for what this key does not open. */
export function decrypt(privateKey: string, text: string): string | undefined {
  const bytes = Buffer.from(text.slice(ENCRYPTED_MARK.length), "base64");
  if (!text.startsWith(ENCRYPTED_MARK) || bytes.length < HEAD_BYTES) return undefined;
  const point = bytes.subarray(0, POINT_BYTES);
  const x = sharedX(privateKey, point);
  if (x === undefined) return undefined;
  for (const sign of SIGNS) {
    const shared = ECDH.convertKey(Buffer.concat([sign, x]), CURVE, undefined, undefined, "uncompressed") as Buffer;
    const plain = open(bytes, cipherKey(point, shared));
    if (plain !== undefined) return plain;
  }
  return undefined;
}

function pairOf(privateKey: string): ECDH {
  const ecdh = createECDH(CURVE);
  ecdh.setPrivateKey(privateKey, "hex");
  return ecdh;
}

/** Undefined when the bytes are no point of the curve. */
function sharedX(privateKey: string, point: Buffer): Buffer | undefined {
  try {
    return pairOf(privateKey).computeSecret(point);
  } catch {
    return undefined;
  }
}

function cipherKey(point: Buffer, shared: Buffer): Buffer {
  return Buffer.from(hkdfSync("sha256", Buffer.concat([point, shared]), NOTHING, NOTHING, 32));
}

/** Undefined when the tag does not agree: another key, or bytes that were changed. */
function open(bytes: Buffer, key: Buffer): string | undefined {
  const nonce = bytes.subarray(POINT_BYTES, POINT_BYTES + NONCE_BYTES);
  const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAuthTag(bytes.subarray(POINT_BYTES + NONCE_BYTES, HEAD_BYTES));
  try {
    return Buffer.concat([decipher.update(bytes.subarray(HEAD_BYTES)), decipher.final()]).toString("utf8");
  } catch {
    return undefined;
  }
}
