/** go.mod: `require` lines, alone or in a block (go.dev/ref/mod#go-mod-file). */
import type { Packages } from "./packages.ts";

const MODULE = /^(?:require\s+)?"?([^\s"()]+)"?\s+(v\S+)$/;

export function parseGoMod(text: string): Packages {
  const found: [string, string][] = [];
  let isInBlock = false;
  for (const raw of text.split("\n")) {
    const line = raw.replace(/\s*\/\/.*$/, "").trim();
    if (line === ")") isInBlock = false;
    else if (/^require\s*\($/.test(line)) isInBlock = true;
    const [, name, version] = ((isInBlock || /^require\s/.test(line)) && MODULE.exec(line)) || [];
    if (name !== undefined && version !== undefined) found.push([name, version]);
  }
  return found;
}
