/** requirements.txt, as far as it pins: `name[extra]==1.2.3 ; marker --hash=…`. A range is told as it stands. Names are
 *  compared as Python does: without case, with `-`, `_` and `.` alike (PEP 503). */
import type { Packages } from "./packages.ts";

const REQUIREMENT = /^([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*(.*)$/;

export function parseRequirementsTxt(text: string): Packages {
  const found: [string, string][] = [];
  for (const raw of text.replace(/\\\r?\n/g, " ").split("\n")) {
    const line = raw.replace(/(^|\s)#.*$/, "").trim();
    const [, name, rest = ""] = REQUIREMENT.exec(line) ?? [];
    // Options (-r, --index-url) and bare addresses are no packages.
    if (name === undefined || rest.startsWith(":") || rest.startsWith("/")) continue;
    const range = (rest.split(/;|\s--/, 1)[0] ?? "").trim();
    const version = /^={2,3}\s*([^,\s]+)$/.exec(range)?.[1] ?? range;
    found.push([name.toLowerCase().replace(/[-_.]+/g, "-"), version]);
  }
  return found;
}
