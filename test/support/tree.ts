/** What lies in directories in which processes work: what they remove meanwhile is passed over. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** Everything below the directory, which itself must be there; directories have a final slash. */
export async function pathsUnder(directory: string): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) found.push(`${path}/`, ...(await pathsUnder(path).catch(() => [])));
    else found.push(path);
  }
  return found;
}

/** Whatever has the text in its name or, if it is a file, in its bytes. */
export async function pathsWith(directory: string, text: string): Promise<string[]> {
  const found = [];
  for (const path of await pathsUnder(directory)) {
    const bytes = path.endsWith("/") ? "" : await readFile(path).catch(() => "");
    if (path.includes(text) || bytes.includes(text)) found.push(path);
  }
  return found;
}
