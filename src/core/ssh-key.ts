/** A person's SSH public key, as the one line of a `.pub` file has it (sshd(8), "AUTHORIZED_KEYS FILE FORMAT"): type, base64,
 *  perhaps a comment. Nothing else is a key here: no options, no certificate, no second line; what is accepted can be
 *  written into `authorized_keys` as it is. */
import { AppError } from "./error.ts";
import { decodeBase64, Fields } from "./ssh-blob.ts";

export interface SshKey {
  /** `ssh-ed25519 AAAA…`, without a comment: two lines with the same are the same key. */
  publicKey: string;
  /** The bytes that fingerprints are made of. */
  blob: Uint8Array;
  /** Cleaned; empty when there is none. */
  comment: string;
}

/** An RSA key of 16,384 bits has 2,764 characters. */
const BASE64_LENGTH_MAX = 4_000;
const LINE_LENGTH_MAX = 8_000;
const COMMENT_LENGTH_MAX = 200;
/** Less is refused by OpenSSH's own advice (ssh-keygen(1)) and by every large forge. */
const RSA_BITS_MIN = 2_048;
const RSA_BITS_MAX = 16_384;
const ED25519_BYTES = 32;
/** An uncompressed point (SEC 1, section 2.3.3): its mark, then two coordinates. */
const POINT_MARK = 4;

/** Type → whether the rest of the blob is a key of it. */
const TYPES: Readonly<Record<string, (fields: Fields) => boolean>> = {
  "ssh-ed25519": isEd25519,
  "ecdsa-sha2-nistp256": (fields) => isPoint(fields, "nistp256", 65),
  "ecdsa-sha2-nistp384": (fields) => isPoint(fields, "nistp384", 97),
  "ecdsa-sha2-nistp521": (fields) => isPoint(fields, "nistp521", 133),
  "sk-ssh-ed25519@openssh.com": (fields) => isEd25519(fields) && isApplication(fields),
  "sk-ecdsa-sha2-nistp256@openssh.com": (fields) => isPoint(fields, "nistp256", 65) && isApplication(fields),
  "ssh-rsa": isRsa,
};
const GOOD_KEY = "Make one with `ssh-keygen -t ed25519` and give its .pub file.";

/** @param text of a `.pub` file
 *  @throws AppError invalid_params that says what is wrong with it */
export function parseSshKey(text: string): SshKey {
  const line = onlyLine(text);
  const [, type = "", base64 = "", comment = ""] = /^(\S+) +(\S+)(?: +(.*))?$/.exec(line) ?? [];
  checkType(type, line);
  const blob = decodeBase64(base64, BASE64_LENGTH_MAX);
  if (blob === undefined) throw refused("What stands behind the key's type is not base64, or it was cut off.");
  const fields = new Fields(blob);
  if (fields.text() !== type) throw refused(`The key says that it is ${type}, but it is another one.`);
  if (TYPES[type]?.(fields) !== true || !fields.isDone) throw refused(`It is no whole ${type} key.`);
  return { publicKey: `${type} ${base64}`, blob, comment: cleanComment(comment) };
}

/** @throws AppError invalid_params */
function onlyLine(text: string): string {
  if (/^-+BEGIN .*PRIVATE KEY/m.test(text)) {
    throw new AppError("invalid_params", "This is a private key, which nobody but you may have.", {
      hint: "Give the file beside it whose name ends in .pub.",
    });
  }
  if (/^-+ ?BEGIN /m.test(text)) {
    throw new AppError("invalid_params", "This is a key in another form than OpenSSH's.", {
      hint: "Convert it with: ssh-keygen -i -f FILE",
    });
  }
  const lines = text.replace(/\r?\n$/, "").split("\n");
  const [line = ""] = lines;
  if (lines.length > 1) throw refused("These are several lines, and a key is one.");
  if (line.length > LINE_LENGTH_MAX) throw refused("The line is far too long for a key.");
  if (line.trim() === "") throw refused("There is no key in it.");
  if (/[\p{Cc}\p{Zl}\p{Zp}\uFFFD]/u.test(line)) throw refused("There are control characters in it.");
  return line.trim();
}

function checkType(type: string, line: string): void {
  if (Object.hasOwn(TYPES, type)) return;
  if (/-cert-v\d\d@openssh\.com$/.test(type)) throw refused("Certificates are not taken: give the key itself.");
  if (type === "ssh-dss") throw refused("DSA keys are too weak, and OpenSSH takes them no more.");
  const known = Object.keys(TYPES);
  if (
    line
      .split(/[ ,]+/)
      .slice(1)
      .some((word) => known.includes(word))
  ) {
    throw refused("There are options before the key, which is not taken with them: it begins with its type.");
  }
  throw refused(`${JSON.stringify(line.slice(0, 40))} does not begin with a type of key that is known here.`);
}

function isEd25519(fields: Fields): boolean {
  return fields.bytes().length === ED25519_BYTES;
}

function isPoint(fields: Fields, curve: string, length: number): boolean {
  const [name, point] = [fields.text(), fields.bytes()];
  return name === curve && point.length === length && point[0] === POINT_MARK;
}

/** What a security key was told that it is for, usually `ssh:`. */
function isApplication(fields: Fields): boolean {
  return /^[\x20-\x7e]{1,255}$/.test(fields.text());
}

/** Exponent and modulus.
 *  @throws AppError invalid_params for one that is too small */
function isRsa(fields: Fields): boolean {
  const [exponent, modulus] = [fields.bytes(), fields.bytes()];
  const bits = bitsOf(modulus);
  if (bits > 0 && bits < RSA_BITS_MIN) {
    throw refused(`This RSA key has ${String(bits)} bits; less than ${String(RSA_BITS_MIN)} are too weak.`);
  }
  const isOdd = [exponent, modulus].every((number) => ((number.at(-1) ?? 0) & 1) === 1);
  const isWhole = bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX;
  return isWhole && isOdd && bitsOf(exponent) >= 2 && bitsOf(exponent) <= 64;
}

/** Of a positive number as SSH writes it, without needless zeros (RFC 4251, `mpint`); 0 for anything else. */
function bitsOf(number: Uint8Array): number {
  const [first = 0, second = 0] = number;
  if (first > 127 || (first === 0 && second < 128)) return 0;
  const digits = first === 0 ? number.subarray(1) : number;
  return (digits.length - 1) * 8 + (32 - Math.clz32(digits[0] ?? 0));
}

/** On one line of a listing. */
function cleanComment(text: string): string {
  return text
    .replace(/\p{C}/gu, "")
    .trim()
    .slice(0, COMMENT_LENGTH_MAX)
    .replace(/\p{Surrogate}/gu, "")
    .trim();
}

function refused(message: string): AppError {
  return new AppError("invalid_params", message, { hint: GOOD_KEY });
}
