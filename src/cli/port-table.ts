/** Whether the table that closes the ports of processes is in the kernel now: systemd knows only that it was put there. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import type { DoctorCheck } from "../api/resources.ts";
import { NFT, PORT_TABLE, portsAreOpen, PORTS_CHECK } from "../core/port-guard.ts";
import { PLACES } from "../core/server-files.ts";

const PATIENCE_MS = 10_000;

/** What the platform said of these ports is replaced where the kernel says otherwise; it tells root only. */
export async function lookIntoKernel(
  checks: readonly DoctorCheck[],
  { unit, nft } = { unit: PLACES.portsUnit as string, nft: NFT },
): Promise<readonly DoctorCheck[]> {
  if (!existsSync(unit) || (await hasTable(nft)) !== false) return checks;
  const open = portsAreOpen(`the table ${PORT_TABLE} is not in the kernel`);
  return checks.map((check) => (check.name === PORTS_CHECK && check.level === "ok" ? open : check));
}

/** Undefined where the kernel does not tell. */
function hasTable(nft: string): Promise<boolean | undefined> {
  return new Promise((settle) => {
    execFile(nft, ["list", "tables"], { timeout: PATIENCE_MS }, (error, stdout) => {
      settle(error === null ? stdout.split("\n").includes(`table ${PORT_TABLE}`) : undefined);
    });
  });
}
