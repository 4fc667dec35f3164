/** Two processes, each with a ledger of its own on one repository: only the compare-and-swap of the ref keeps order. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as assert from "uvu/assert";
import type { TestContext } from "../support/suite.ts";
import { makeFixture } from "./fixture.ts";

const PROGRAM = fileURLToPath(new URL("race-program.js", import.meta.url));

export async function raceLedgers(t: TestContext, count: number): Promise<void> {
  const fixture = await makeFixture(t);
  await fixture.ledger.close();
  const racers = ["ned", "kate"].map((name) => {
    const paths = [fixture.repo, join(fixture.home, `${name}.idx`), join(fixture.home, "ledger.key")];
    const child = spawn(process.execPath, [PROGRAM, ...paths, name, String(count)], {
      env: { PATH: process.env["PATH"] ?? "" },
      stdio: ["pipe", "pipe", "inherit"],
    });
    let told = "";
    child.stdout.on("data", (chunk: Buffer) => (told += chunk.toString()));
    return { child, ended: once(child, "close").then(() => told) };
  });
  await Promise.all(racers.map(({ child }) => once(child.stdout, "data")));
  for (const { child } of racers) child.stdin.write("go\n");
  const told = (await Promise.all(racers.map(({ ended }) => ended))).join("");
  const acknowledged = new Map(
    [...told.matchAll(/^(\d+) (\w+)$/gm)].map(([, version, name]) => [Number(version), name]),
  );
  assert.is(acknowledged.size, 2 * count, "a version was told twice, or a change was not acknowledged");
  const ledger = await fixture.reopen();
  const releases = (await ledger.list({ max: 3 * count })).toReversed();
  assert.equal(
    releases.map(({ version, description }) => [version, description]),
    releases.map((_, n) => [n + 1, n === 0 ? "Initial release" : `Config add ${String(acknowledged.get(n + 1))}`]),
  );
  const config = (await ledger.snapshot(await ledger.get(releases.length))).configEnv;
  assert.equal(
    [...config.matchAll(/^(\w+)='1'$/gm)].map(([, name]) => name),
    releases.slice(1).map(({ version }) => acknowledged.get(version)),
  );
  assert.is(await fixture.git("fsck", "--strict", "--no-dangling"), "");
}
