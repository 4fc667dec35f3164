/** The recorded log in fixtures/ is what its generator makes. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { CORPUS, makeCorpus } from "../support/log-corpus.ts";
import { describe } from "../support/suite.ts";
import { ROOT } from "../support/transcript.ts";

describe("log corpus", (test) => {
  test("is made again to the byte", async () => {
    const path = join(ROOT, "fixtures/logs", CORPUS);
    if (process.env["UPDATE"] === "1") await writeFile(path, makeCorpus());
    assert.is(await readFile(path, "utf8"), makeCorpus());
  });
});
