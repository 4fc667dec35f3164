/** Which of the apps' ports other machines can reach: a web process should listen on the loopback, where only the router
 *  comes. Known on Linux alone (man 5 proc, /proc/net/tcp). */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { portsAreClosed, portsAreOpen, PORTS_CHECK, PORTS_SERVICE } from "../core/port-guard.ts";
import { PLACES } from "../core/server-files.ts";
import type { Platform } from "../platform/platform.ts";
import type { DoctorLine } from "../server/platform-routes.ts";

const LISTENING = "0A";
/** 127.0.0.0/8 as the kernel prints it on a little-endian machine; ::1, and 127.0.0.0/8 mapped into IPv6. */
const LOOPBACK = /^(?:[0-9A-F]{6}7F|0{24}01000000|0{16}FFFF0000[0-9A-F]{6}7F)$/;

const PATIENCE_MS = 10_000;

/** What tells whether a firewall keeps others away. */
interface Guard {
  /** Path of the unit of systemd. */
  readonly unit: string;
  readonly systemctl: string;
}

const MACHINE: Guard = { unit: PLACES.portsUnit, systemctl: "systemctl" };

export async function exposedPorts(platform: Platform): Promise<DoctorLine[]> {
  const guard = await guardedPorts(MACHINE);
  if (guard?.level === "ok") return [guard];
  const open = await openPorts();
  const exposed = platform.list().flatMap((app) =>
    app
      .processes()
      .filter(({ port }) => port !== undefined && open.has(port))
      .map(({ name, port }) => `${name} of ${app.name} (port ${String(port)})`),
  );
  if (exposed.length === 0) return guard === undefined ? [] : [guard];
  return [
    {
      name: PORTS_CHECK,
      ok: true,
      level: "warning",
      message: `other machines may reach ${exposed.join(", ")} without the router`,
      hint: guard?.hint ?? "Let the app listen on 127.0.0.1 only, or let a firewall refuse these ports.",
    },
  ];
}

/** Undefined where nothing is there to close them. Only root may ask the kernel for its tables, which is what the command does; anybody may
 *  ask systemd whether the unit did its work. */
export async function guardedPorts({ unit, systemctl }: Guard): Promise<DoctorLine | undefined> {
  if (!existsSync(unit)) return undefined;
  const words = ["is-active", "--quiet", PORTS_SERVICE];
  const status = await new Promise<unknown>((settle) => {
    execFile(systemctl, words, { timeout: PATIENCE_MS }, (error) => settle(error === null ? 0 : error.code));
  });
  // It is not there, or does not answer.
  if (typeof status !== "number") return undefined;
  return status === 0 ? portsAreClosed() : portsAreOpen(`${PORTS_SERVICE} is not active`);
}

/** Ports on which somebody listens beyond the loopback. */
async function openPorts(): Promise<Set<number>> {
  const tables = await Promise.all(
    ["tcp", "tcp6"].map((name) => readFile(`/proc/net/${name}`, "utf8").catch(() => "")),
  );
  const ports = new Set<number>();
  for (const line of tables.join("\n").split("\n")) {
    const [, local = "", , state] = line.trim().split(/\s+/);
    const [address = "", port = ""] = local.split(":");
    if (state === LISTENING && !LOOPBACK.test(address)) ports.add(Number.parseInt(port, 16));
  }
  return ports;
}
