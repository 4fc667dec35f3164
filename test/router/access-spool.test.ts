import { mkdir, readdir, readFile, symlink } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { AccessSpool, type AccessSpoolOptions } from "../../src/router/access-spool.ts";
import { untilSame } from "../support/converged.ts";
import { describe, type TestContext } from "../support/suite.ts";

const US = 1_764_074_557_123_456;

interface Stage {
  directory: string;
  spool: AccessSpool;
  /** The texts of a file, each checked to have its time. */
  texts: (name: string) => Promise<string[]>;
}

async function stage(t: TestContext, options: Partial<AccessSpoolOptions> = {}): Promise<Stage> {
  const apps = await t.tempDir();
  const directory = join(apps, "hello", "router");
  await mkdir(directory, { recursive: true });
  const clock = { now: () => US / 1000, sleep: () => Promise.resolve() };
  const spool = new AccessSpool({ appsDirectory: apps, id: "r", clock, onTurned: () => undefined, ...options });
  t.after(() => spool.close());
  const texts = async (name: string): Promise<string[]> => {
    const lines = (await readFile(join(directory, name), "latin1")).split("\n");
    assert.is(lines.pop(), "");
    return lines.map((line) => {
      assert.match(line, /^\d{16} ./);
      return line.slice(17);
    });
  };
  return { directory, spool, texts };
}

describe("access spool", (test) => {
  test("a line is there when it was appended, with its time; a turn begins a new file", async (t) => {
    const { directory, spool, texts } = await stage(t);
    assert.is(spool.name, "r.000001");
    spool.append("hello", ["one"]);
    assert.is(await readFile(join(directory, "r.000001"), "utf8"), `${String(US)} one\n`);
    assert.is(await spool.turn(), "r.000002");
    spool.append("hello", ["two"]);
    spool.append("hello", ["three"]);
    assert.equal(await texts("r.000001"), ["one"]);
    assert.equal(await texts("r.000002"), ["two", "three"]);
  });

  test("a file that has grown is left for a new one, and that is told", async (t) => {
    const names: string[] = [];
    const { directory, spool, texts } = await stage(t, { fileBytesMax: 100, onTurned: (name) => names.push(name) });
    for (let number = 0; number < 9; number += 1) {
      spool.append("hello", [`line ${String(number)}`]);
    }
    await untilSame(true, () => Promise.resolve(names.length > 0));
    const files = (await readdir(directory)).sort();
    const all = (await Promise.all(files.map(texts))).flat();
    assert.equal(
      all,
      Array.from({ length: 9 }, (_, number) => `line ${String(number)}`),
    );
    assert.ok(files.length > 1);
  });

  test("lines wait for a disk that is full, whole and in order; what is too much is counted", async (t) => {
    const { directory, spool, texts } = await stage(t, { waitingBytesMax: 60 });
    await symlink("/dev/full", join(directory, "r.000001"));
    for (const line of ["one", "two", "three", "four", "five"]) spool.append("hello", [line]);
    await spool.turn();
    await untilSame(true, async () => (await readdir(directory)).includes("r.000002"));
    await untilSame(4, async () => (await texts("r.000002")).length);
    assert.equal(await texts("r.000002"), [
      "one",
      "two",
      "three",
      "Error L12: 2 messages of the router dropped while the log could not be written.",
    ]);
    spool.append("hello", ["six"]);
    await spool.close();
    assert.is((await texts("r.000002")).at(-1), "six");
  });

  test("an app that is gone takes no lines and holds nobody up", async (t) => {
    const { directory, spool, texts } = await stage(t);
    spool.append("gone", ["lost"]);
    spool.append("hello", ["one"]);
    spool.forget("hello");
    spool.append("hello", ["two"]);
    await spool.close();
    assert.equal(await texts("r.000001"), ["one", "two"]);
    assert.equal(await readdir(join(directory, "..", "..")), ["hello"]);
  });

  test("many apps share the files that may be open", async (t) => {
    const { directory, spool } = await stage(t);
    const apps = Array.from({ length: 300 }, (_, number) => `app-${String(number)}`);
    const root = join(directory, "..", "..");
    for (const app of apps) await mkdir(join(root, app, "router"), { recursive: true });
    for (const round of ["one", "two"]) for (const app of apps) spool.append(app, [round]);
    await spool.close();
    for (const app of apps) {
      const text = await readFile(join(root, app, "router", "r.000001"), "utf8");
      assert.is(text, `${String(US)} one\n${String(US)} two\n`);
    }
  });
});
