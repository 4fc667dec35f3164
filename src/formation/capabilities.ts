/** The parts of root's power (capabilities(7)) that the platform asks about. In a container, or by the unit that starts the daemon,
 *  root may lack some. */
import { readFile } from "node:fs/promises";

/** By bit (linux/capability.h). */
const ORDINARY = {
  CHOWN: 0,
  DAC_OVERRIDE: 1,
  FOWNER: 3,
  FSETID: 4,
  KILL: 5,
  SETGID: 6,
  SETUID: 7,
  SETPCAP: 8,
  NET_BIND_SERVICE: 10,
  NET_RAW: 13,
  SYS_CHROOT: 18,
  AUDIT_WRITE: 29,
  SETFCAP: 31,
} as const;
const BITS = { ...ORDINARY, SYS_PTRACE: 19 } as const;

export type Capability = keyof typeof BITS;

/** What an ordinary program of root may need; the rest is power over the machine. */
export const CAPABILITIES = Object.keys(ORDINARY) as readonly Capability[];

/** Those of this process. */
export async function heldCapabilities(): Promise<ReadonlySet<Capability>> {
  const [, mask = "0"] = /^CapEff:\s+([0-9a-f]+)$/m.exec(await readFile("/proc/self/status", "utf8")) ?? [];
  const held = BigInt(`0x${mask}`);
  const names = Object.keys(BITS) as Capability[];
  return new Set(names.filter((name) => ((held >> BigInt(BITS[name])) & 1n) === 1n));
}
