/** An app's log straight from its files, whatever the platform would say of it. */
import { createReadStream } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { TestPlatform } from "./platform.ts";

export interface StoredLine {
  ts: string;
  ps: string;
  msg: string;
}

/** Calls back for every line, oldest first. */
export async function eachStoredLine(
  platform: TestPlatform,
  app: string,
  see: (line: StoredLine) => void,
): Promise<void> {
  const directory = join(platform.home, "apps", app, "logs");
  for (const file of (await readdir(directory)).filter((name) => name.endsWith(".ndjson")).sort()) {
    let rest = "";
    for await (const text of createReadStream(join(directory, file), "utf8") as AsyncIterable<string>) {
      const lines = (rest + text).split("\n");
      // A line without its end is still being written.
      rest = lines.pop() ?? "";
      for (const line of lines) see(JSON.parse(line) as StoredLine);
    }
  }
}
