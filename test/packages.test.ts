/** package-lock.json: what `npm ci` installs, and on which Node. */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import * as assert from "uvu/assert";
import { isWithin, parseRelease, type Version } from "../src/core/version-range.ts";
import { describe } from "./support/suite.ts";

interface Locked {
  resolved?: string;
  optional?: boolean;
  engines?: { node?: string };
}

const ROOT = new URL("../../", import.meta.url);

async function readJson(name: string): Promise<unknown> {
  return JSON.parse(await readFile(fileURLToPath(new URL(name, ROOT)), "utf8"));
}

async function lockedPackages(): Promise<[path: string, locked: Locked][]> {
  const lock = (await readJson("package-lock.json")) as { packages: Record<string, Locked> };
  return Object.entries(lock.packages).filter(([path]) => path !== "");
}

/** `>=20.19` */
async function oldestNode(): Promise<Version> {
  const { engines } = (await readJson("package.json")) as { engines: { node: string } };
  const oldest = parseRelease(`${engines.node.replace(">=", "")}.0`);
  if (oldest === undefined) throw new Error(`engines.node is ${engines.node}.`);
  return oldest;
}

describe("packages", (test) => {
  test("all of them run on the oldest Node that is promised", async () => {
    const oldest = await oldestNode();
    const all = await lockedPackages();
    assert.ok(all.length > 100);
    const unfit = all
      .filter(([, { engines, optional }]) => optional !== true && isWithin(oldest, engines?.node ?? "*") !== true)
      .map(([path, { engines }]) => `${path}: ${String(engines?.node)}`);
    assert.equal(unfit, []);
  });

  test("the lock names no registry: each machine has its own", async () => {
    const named = (await lockedPackages()).flatMap(([path, { resolved }]) => (resolved === undefined ? [] : [path]));
    assert.equal(named, []);
  });
});
