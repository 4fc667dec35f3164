/** An archive directory after interruptions, losses and lies: what is there under its name is whole. */
import { createHash } from "node:crypto";
import { readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { ArchiveDirectory, type CopySource } from "../../src/cli/archive-directory.ts";
import { rejects } from "../support/assert.ts";
import { describe } from "../support/suite.ts";

const NAME = "20110620T090000.000000Z.ndjson";

async function* inPieces(...texts: string[]): AsyncGenerator<Buffer> {
  for (const text of texts) yield Buffer.from(text);
}

async function* brokenOff(): AsyncGenerator<Buffer> {
  yield Buffer.from("hal");
  throw new Error("broke off");
}

const source = (text: string, more: Partial<CopySource> = {}): CopySource => ({
  name: NAME,
  bytes: Buffer.byteLength(text),
  sum: createHash("sha256").update(text).digest("hex"),
  content: inPieces(text.slice(0, 2), text.slice(2)),
  ...more,
});

describe("archive directory", (test) => {
  test("what was copied whole is known the next time", async (t) => {
    const path = join(await t.tempDir(), "a/b");
    const directory = await ArchiveDirectory.open(path);
    assert.is(await directory.has(NAME, 4), false);
    await directory.add(source("half"));
    await directory.addBeside("index", inPieces("i"));
    await directory.add(source("other", { name: "20110619T090000.000000Z.ndjson" }));
    const again = await ArchiveDirectory.open(path);
    assert.equal(
      [await again.has(NAME, 4), await again.has(NAME, 5), await again.has("index", 1)],
      [true, false, false],
    );
    const sums = (await readFile(join(path, "SHA256SUMS"), "utf8")).trimEnd().split("\n");
    assert.equal(sums, [`${source("other").sum}  20110619T090000.000000Z.ndjson`, `${source("half").sum}  ${NAME}`]);
    assert.is(await readFile(join(path, NAME), "utf8"), "half");
  });

  for (const [how, wrong] of Object.entries({
    "too short": { bytes: 5 },
    "of another sum": { sum: "0".repeat(64) },
    "broken off": { content: brokenOff() },
  })) {
    test(`what arrives ${how} is not there`, async (t) => {
      const path = await t.tempDir();
      const directory = await ArchiveDirectory.open(path);
      await rejects(directory.add(source("half", wrong)));
      assert.equal(await readdir(path), []);
      assert.is(await directory.has(NAME, 4), false);
    });
  }

  test("what an interruption left is removed, and copied again", async (t) => {
    const path = await t.tempDir();
    // Killed in the middle of a file, and between a file and its sum.
    await writeFile(join(path, ".tmp-0123456789ab"), "ha");
    await writeFile(join(path, NAME), "half");
    await writeFile(join(path, "notes.txt"), "somebody's own");
    const directory = await ArchiveDirectory.open(path);
    assert.equal((await readdir(path)).sort(), [NAME, "notes.txt"]);
    assert.is(await directory.has(NAME, 4), false);
    await directory.add(source("half"));
    assert.is(await directory.has(NAME, 4), true);
  });

  test("what was cut or removed since is copied again; sums that are none are passed over", async (t) => {
    const path = await t.tempDir();
    await (await ArchiveDirectory.open(path)).add(source("half"));
    await writeFile(join(path, "SHA256SUMS"), `${await readFile(join(path, "SHA256SUMS"), "utf8")}nonsense\n`);
    const directory = await ArchiveDirectory.open(path);
    assert.is(await directory.has(NAME, 4), true);
    await truncate(join(path, NAME), 2);
    assert.is(await directory.has(NAME, 4), false);
    await rm(join(path, NAME));
    assert.is(await directory.has(NAME, 4), false);
  });
});
