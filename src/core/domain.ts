/** Host names that an app is given besides `<app>.<base domain>`: `www.example.com`, or `*.example.com` for all names
 *  below it. Kept in ASCII, as browsers send them. */
import { AppError } from "./error.ts";
import { isJsonObject, type Json } from "./json.ts";

/** RFC 1035. */
const NAME_MAX = 253;
const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;

/** A conversion might drop what follows them. */
const NO_PART_OF_NAMES = /[\s:/?#@\\[\]%]/;

/** Domain → when it was added, RFC 3339. */
export type Domains = Readonly<Record<string, string>>;

/** What `domains.json` says. */
export function readDomains(stored: Json | undefined): Domains {
  if (!isJsonObject(stored)) return {};
  const entries = Object.entries(stored).filter(
    (entry): entry is [string, string] => typeof entry[1] === "string" && isDomain(entry[0]),
  );
  return Object.fromEntries(entries);
}

/** @param toAscii gives a name's form for the network (`bücher.example` → `xn--bcher-kva.example`), or nothing when it has none
 *  @throws AppError invalid_params for what is no host name */
export function parseDomain(text: string, toAscii: (name: string) => string): string {
  const isWildcard = text.startsWith("*.");
  const name = toAscii(NO_PART_OF_NAMES.test(text) ? "" : text.slice(isWildcard ? 2 : 0))
    .toLowerCase()
    .replace(/\.$/, "");
  const domain = isWildcard ? `*.${name}` : name;
  if (isDomain(domain)) return domain;
  throw new AppError("invalid_params", `${JSON.stringify(text.slice(0, 80))} is not a domain.`, {
    hint: "Write a full host name such as www.example.com, or *.example.com for all names below it; no address, port or path.",
  });
}

function isDomain(text: string): boolean {
  const labels = (text.startsWith("*.") ? text.slice(2) : text).split(".");
  // A last label of digits is an IPv4 address to every browser.
  const isAddress = /^(?:\d+|0x[0-9a-f]*)$/.test(labels.at(-1) ?? "");
  return text.length <= NAME_MAX && labels.length >= 2 && !isAddress && labels.every((label) => LABEL.test(label));
}

/** Every app has its names below these already. */
export function isBelow(domain: string, bases: readonly string[]): boolean {
  const name = domain.startsWith("*.") ? domain.slice(2) : domain;
  return bases.some((base) => name === base || name.endsWith(`.${base}`));
}
