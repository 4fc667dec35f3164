/** Which addresses a person of an app may have the platform send something to. The platform's machine can reach what that
 *  person cannot: itself, its neighbours, the metadata service of a cloud (server-side request forgery, CWE-918). Names are looked
 *  up when the connection is made, and the address that is found is the one that is checked and used, so that a name
 *  cannot mean another one in between. */
import { lookup as lookUp, type LookupAddress } from "node:dns";
import { BlockList, isIP, type LookupFunction } from "node:net";
import { networkInterfaces } from "node:os";
import { DeliveryError } from "./delivery-error.ts";

type Family = "ipv4" | "ipv6";

/** IANA's special-purpose registries (RFC 6890), multicast and what is reserved. */
const SPECIAL: readonly [network: string, prefix: number][] = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 3],
  ["::", 127],
  ["64:ff9b:1::", 48],
  ["100::", 64],
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["fc00::", 7],
  ["fe80::", 10],
  ["ff00::", 8],
];

export class AddressGuard {
  readonly #refused = new BlockList();
  readonly #allowed = new BlockList();

  /** @param allowed networks that may be reached all the same, such as `10.0.0.0/8`
   *  @throws Error for what is no network */
  constructor(allowed: readonly string[] = []) {
    for (const [network, prefix] of SPECIAL) this.#refused.addSubnet(network, prefix, familyOf(network));
    for (const text of allowed) {
      const [network = "", prefix] = text.split("/");
      if (isIP(network) === 0) throw new Error(`${JSON.stringify(text)} is no network.`);
      const bits = prefix === undefined ? (isIP(network) === 4 ? 32 : 128) : Number(prefix);
      this.#allowed.addSubnet(network, bits, familyOf(network));
    }
  }

  /** Of a host as a URL has it; a name is allowed until it is looked up. */
  allows(host: string): boolean {
    return isIP(host) === 0 || this.#allowsAddress(host);
  }

  /** For `net.connect` and all that is made of it. */
  readonly lookup: LookupFunction = (hostname, options, done) => {
    lookUp(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return done(error, []);
      const allowed = addresses.filter(({ address }) => this.#allowsAddress(address));
      const [first] = allowed;
      if (first === undefined) return done(refused(), []);
      return options.all === true ? done(null, allowed) : giveOne(done, first);
    });
  };

  #allowsAddress(address: string): boolean {
    const family = familyOf(address);
    if (this.#allowed.check(address, family)) return true;
    return !this.#refused.check(address, family) && !isOwn(address);
  }
}

/** Where nothing may be sent. */
export function refused(): DeliveryError {
  return new DeliveryError("refused", "its address is not one that webhooks may be sent to");
}

function giveOne(done: Parameters<LookupFunction>[2], { address, family }: LookupAddress): void {
  done(null, address, family);
}

function familyOf(address: string): Family {
  return isIP(address) === 6 ? "ipv6" : "ipv4";
}

/** An address of this machine, under which its own doors may be open. */
function isOwn(address: string): boolean {
  return Object.values(networkInterfaces()).some((all) => all?.some((one) => one.address === address) === true);
}
