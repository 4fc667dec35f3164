/** yarn.lock, of Yarn 1 and of its successors: blocks that begin with the ranges that they answer, unindented, and hold
 *  `version "1.2.3"` or `version: 1.2.3`. */
import type { Packages } from "./packages.ts";

const VERSION = /^ {2}version:? "?([^"\s]+)"?$/;
/** `"@scope/name@npm:^1.0.0, @scope/name@^2":` → `@scope/name`; a scope begins with an @ of its own. */
const NAME = /^"?(@?[^@"]+)@/;

export function parseYarnLock(text: string): Packages {
  const found: [string, string][] = [];
  let name: string | undefined;
  for (const raw of text.split("\n")) {
    const line = raw.trimEnd();
    if (line === "" || line.startsWith("#")) continue;
    if (!line.startsWith(" ")) {
      name = NAME.exec(line)?.[1];
      continue;
    }
    const version = VERSION.exec(line)?.[1];
    if (name === undefined || version === undefined) continue;
    // The project's own packages stand there too.
    if (version !== "0.0.0-use.local") found.push([name, version]);
    name = undefined;
  }
  return found;
}
