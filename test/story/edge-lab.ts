/** An app under load, its router, and what its log says of the load. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { findRouter } from "../../src/api/daemon.ts";
import { deployFixture, untilUp } from "../support/deploy.ts";
import { getUntil } from "../support/http.ts";
import { startPlatform, type TestPlatform } from "../support/platform.ts";
import type { TestContext } from "../support/suite.ts";

export async function startEcho(t: TestContext): Promise<TestPlatform> {
  const platform = await startPlatform(t);
  await deployFixture(platform, "echo");
  await untilUp(platform, "echo", 1);
  await getUntil(platform.routerPort, "echo", "0 bytes");
  return platform;
}

interface LoggedLine {
  ts: string;
  ps: string;
  msg: string;
}

/** Of the whole log, from the files themselves; checks that its stamps never go back. */
async function routerLines(platform: TestPlatform): Promise<LoggedLine[]> {
  const directory = join(platform.home, "apps", "echo", "logs");
  const segments = (await readdir(directory)).filter((name) => name.endsWith(".ndjson")).sort();
  const texts = await Promise.all(segments.map((name) => readFile(join(directory, name), "utf8")));
  const lines = texts
    .join("")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as LoggedLine);
  for (const [index, { ts }] of lines.entries()) assert.ok(ts >= (lines[index - 1]?.ts ?? ""), "a stamp went back");
  return lines.filter(({ ps }) => ps === "router");
}

/** How often each path of the load is in the log. */
export async function loggedPaths(platform: TestPlatform): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (const { msg } of await routerLines(platform)) {
    const path = / path="(\S+\?n=\d+)"/.exec(msg)?.[1];
    if (path !== undefined) counts.set(path, (counts.get(path) ?? 0) + 1);
  }
  return counts;
}

export async function routerPid(platform: TestPlatform): Promise<number | undefined> {
  return (await findRouter(platform.home))?.pid;
}

export function isSubset(paths: readonly string[], logged: ReadonlyMap<string, number>): boolean {
  return paths.every((path) => logged.has(path));
}

export function isRouter({ command }: { command: string }): boolean {
  return command.includes("routerd");
}
