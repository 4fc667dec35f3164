/** Which of the apps' ports other machines can reach: a web process should listen on the loopback, where only the router
 *  comes. Known on Linux alone (man 5 proc, /proc/net/tcp). */
import { readFile } from "node:fs/promises";
import type { Platform } from "../platform/platform.ts";
import type { DoctorLine } from "../server/platform-routes.ts";

const LISTENING = "0A";
/** 127.0.0.0/8 as the kernel prints it on a little-endian machine; ::1, and 127.0.0.0/8 mapped into IPv6. */
const LOOPBACK = /^(?:[0-9A-F]{6}7F|0{24}01000000|0{16}FFFF0000[0-9A-F]{6}7F)$/;

export async function exposedPorts(platform: Platform): Promise<DoctorLine[]> {
  const open = await openPorts();
  const exposed = platform.list().flatMap((app) =>
    app
      .processes()
      .filter(({ port }) => port !== undefined && open.has(port))
      .map(({ name, port }) => `${name} of ${app.name} (port ${String(port)})`),
  );
  if (exposed.length === 0) return [];
  return [
    {
      name: "app ports",
      ok: true,
      level: "warning",
      message: `other machines may reach ${exposed.join(", ")} without the router`,
      hint: "Let the app listen on 127.0.0.1 only, or let a firewall refuse these ports.",
    },
  ];
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
