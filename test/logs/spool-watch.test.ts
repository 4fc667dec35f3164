import { spawn } from "node:child_process";
import { appendFile, writeFile } from "node:fs/promises";
import { statSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { SpoolWatch } from "../../src/logs/spool-watch.ts";
import { poll } from "../support/poll.ts";
import { describe } from "../support/suite.ts";
import { exited } from "./child.ts";

const WRITES = 4000;
const MANY_WRITES = `n=0; while [ $n -lt ${String(WRITES)} ]; do echo $n; n=$((n + 1)); done >> "$0"`;

function isWatching(): boolean {
  return process.getActiveResourcesInfo().includes("FSEventWrap");
}

describe("spool watch", (test) => {
  test("is told of single writes, of thousands in a moment, and of single ones again", async (t) => {
    const path = join(await t.tempDir(), "spool");
    await writeFile(path, "");
    let seen = 0;
    const watch: SpoolWatch = new SpoolWatch(path, () => {
      const { size } = statSync(path);
      const found = size - seen;
      seen = size;
      watch.found(found);
    });
    t.after(() => watch.close());
    const isRead = (): Promise<unknown> => poll(async () => seen === statSync(path).size || undefined);
    await appendFile(path, "one\n");
    await isRead();
    for (const round of [1, 2]) {
      await exited(spawn("sh", ["-c", MANY_WRITES, path]));
      await isRead();
      assert.ok(seen > round * WRITES);
      // Whether or not it was too much to be woken for each, it goes back to that.
      await poll(async () => isWatching() || undefined);
      await appendFile(path, "another\n");
      await isRead();
    }
  });
});
