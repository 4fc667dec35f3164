/** An app under load, its router, and what its log says of the load. */
import * as assert from "uvu/assert";
import { findRouter } from "../../src/api/daemon.ts";
import { deployFixture, untilUp } from "../support/deploy.ts";
import { getUntil } from "../support/http.ts";
import { eachStoredLine } from "../support/log-files.ts";
import { startPlatform, type TestPlatform } from "../support/platform.ts";
import type { TestContext } from "../support/suite.ts";

export async function startEcho(t: TestContext): Promise<TestPlatform> {
  const platform = await startPlatform(t);
  await deployFixture(platform, "echo");
  await untilUp(platform, "echo", 1);
  await getUntil(platform.routerPort, "echo", "0 bytes");
  return platform;
}

/** How often each path of the load is in the log; checks that the stamps of the whole log never go back. */
export async function loggedPaths(platform: TestPlatform): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  let before = "";
  await eachStoredLine(platform, "echo", ({ ts, ps, msg }) => {
    assert.ok(ts >= before, "a stamp went back");
    before = ts;
    const path = ps === "router" ? / path="(\S+\?n=\d+)"/.exec(msg)?.[1] : undefined;
    if (path !== undefined) counts.set(path, (counts.get(path) ?? 0) + 1);
  });
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
