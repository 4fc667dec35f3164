/** Where this package is installed, and which version it is. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The programs are bundled into `dist/bin`, two levels below the package. */
export function packageRoot(): string {
  return fileURLToPath(new URL("../..", import.meta.url));
}

export function readVersion(): string {
  const about: unknown = JSON.parse(readFileSync(join(packageRoot(), "package.json"), "utf8"));
  return typeof about === "object" && about !== null && "version" in about ? String(about.version) : "unknown";
}
