/** Gemfile.lock: below `specs:`, the gems are indented by four spaces, `    rack (2.2.3)`, and what each needs by six. */
import type { Packages } from "./packages.ts";

const GEM = /^ {4}(\S+) \(([^)\s]+)\)$/;

export function parseGemfileLock(text: string): Packages {
  const found: [string, string][] = [];
  let isInSpecs = false;
  for (const raw of text.split("\n")) {
    const line = raw.trimEnd();
    if (/^\S/.test(line)) isInSpecs = false;
    else if (line === "  specs:") isInSpecs = true;
    const [, name, version] = (isInSpecs && GEM.exec(line)) || [];
    if (name !== undefined && version !== undefined) found.push([name, version]);
  }
  return found;
}
