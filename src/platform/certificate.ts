/** The certificate of this platform's own door for Heroku's client, which accepts TLS alone: made once, for the loopback,
 *  and signed by itself (RFC 5280). It is no authority: whoever trusts it trusts this key for 127.0.0.1 and localhost. */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  sign,
  X509Certificate,
} from "node:crypto";
import type { KeyObject } from "node:crypto";
import { createDurably, readIfThere, writeDurably } from "../ledger/durable-file.ts";
import type { Clock } from "../core/clock.ts";

export interface CertificateFiles {
  /** Private. */
  readonly key: string;
  /** For people to trust. */
  readonly certificate: string;
}

export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

const NAMES = ["localhost"];
const ADDRESSES = [[127, 0, 0, 1]];
const DAY_MS = 86_400_000;
const LIFE_MS = 3650 * DAY_MS;
/** Made anew so long before its end; whoever trusts the file trusts the new one. */
const RENEWAL_MS = 30 * DAY_MS;

/** The key comes first and stays, so that whatever is cut short is made up for by the next call. */
export async function openCertificate(files: CertificateFiles, clock: Clock): Promise<Certificate> {
  await createDurably(files.key, newKey(), 0o600);
  const key = (await readIfThere(files.key)) ?? "";
  const privateKey = createPrivateKey(key);
  const stored = await readIfThere(files.certificate);
  if (stored !== undefined && isGood(stored, privateKey, clock.now())) return { key, cert: stored };
  const cert = makeCertificate(privateKey, clock.now());
  await writeDurably(files.certificate, cert, 0o600);
  return { key, cert };
}

function newKey(): string {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return String(privateKey.export({ type: "pkcs8", format: "pem" }));
}

function isGood(pem: string, key: KeyObject, now: number): boolean {
  try {
    const certificate = new X509Certificate(pem);
    return certificate.checkPrivateKey(key) && Date.parse(certificate.validTo) - now > RENEWAL_MS;
  } catch {
    return false;
  }
}

/** Of P-256, for 127.0.0.1 and localhost, in PEM. */
export function makeCertificate(key: KeyObject, now: number): string {
  const subject = sequence(der(SET, sequence(oid("550403"), der(UTF8, Buffer.from("git-heroku on this machine")))));
  const ecdsa = sequence(oid("2a8648ce3d040302"));
  const serial = Buffer.concat([Buffer.from([0x40]), randomBytes(15)]);
  const body = sequence(
    der(0xa0, der(INTEGER, Buffer.from([2]))),
    der(INTEGER, serial),
    ecdsa,
    subject,
    sequence(time(now - DAY_MS), time(now + LIFE_MS)),
    subject,
    createPublicKey(key).export({ type: "spki", format: "der" }),
    der(0xa3, sequence(...extensions())),
  );
  const signature = sign("sha256", body, key);
  const bytes = sequence(body, ecdsa, bits(0, signature));
  const lines = bytes.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}

/** basicConstraints (no authority), keyUsage (digitalSignature), extKeyUsage (serverAuth), subjectAltName. */
function extensions(): Buffer[] {
  const names = NAMES.map((name) => der(0x82, Buffer.from(name)));
  const addresses = ADDRESSES.map((bytes) => der(0x87, Buffer.from(bytes)));
  return [
    extension("551d13", sequence(), true),
    extension("551d0f", bits(7, Buffer.from([0x80])), true),
    extension("551d25", sequence(oid("2b06010505070301"))),
    extension("551d11", sequence(...names, ...addresses)),
  ];
}

function extension(id: string, value: Buffer, isCritical = false): Buffer {
  const critical = isCritical ? [der(0x01, Buffer.from([0xff]))] : [];
  return sequence(oid(id), ...critical, der(0x04, value));
}

const INTEGER = 0x02;
const UTF8 = 0x0c;
const SET = 0x31;

/** X.690: tag, length, contents. */
function der(tag: number, ...contents: Buffer[]): Buffer {
  const body = Buffer.concat(contents);
  const { length } = body;
  const head = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...head]), body]);
}

function sequence(...contents: Buffer[]): Buffer {
  return der(0x30, ...contents);
}

function oid(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, "hex"));
}

function bits(unused: number, bytes: Buffer): Buffer {
  return der(0x03, Buffer.from([unused]), bytes);
}

/** UTCTime, which ends with 2049. */
function time(ms: number): Buffer {
  return der(0x17, Buffer.from(`${new Date(ms).toISOString().slice(2, 19).replace(/[-:T]/g, "")}Z`));
}
