/** A long answer by command: who asks reads the rest of it in the platform's files, and gets the same. */
import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { text as textOf } from "node:stream/consumers";
import { gunzipSync } from "node:zlib";
import * as assert from "uvu/assert";
import { formatLogLine, formatStamp } from "../../src/core/log-line.ts";
import { segmentName } from "../../src/logs/segment-files.ts";
import { must, platformClient } from "../support/deploy.ts";
import { startPlatform, type TestPlatform } from "../support/platform.ts";
import { describe, type TestContext } from "../support/suite.ts";

const BEGIN_US = Date.UTC(2011, 5, 19) * 1000;
const SINCE = "2011-06-19T00:00:00Z";
const SEGMENTS = 3;
const LINES_EACH = 18_000;

interface Lab {
  platform: TestPlatform;
  /** Of each process. */
  lines: Record<string, string>;
}

/** Three segments of some 9 MB, without anything that is derived from them. */
async function withLongLog(t: TestContext): Promise<Lab> {
  const platform = await startPlatform(t);
  await must(platform, platform.dir, "heroku", "create", "big");
  await must(platform, platform.dir, "heroku", "server:stop");
  const lines: Record<string, string> = { "web.1": "", "web.2": "" };
  for (let segment = 0; segment < SEGMENTS; segment += 1) {
    let text = "";
    for (let n = segment * LINES_EACH; n < (segment + 1) * LINES_EACH; n += 1) {
      const ps = n % 3 === 0 ? "web.1" : "web.2";
      const msg = `${String(n)} ${"abcdefghij".repeat(38)}`;
      const line = `${formatLogLine({ ts: formatStamp(BEGIN_US + n * 1000), ps, source: "app", msg })}\n`;
      lines[ps] += line;
      text += line;
    }
    const name = segmentName(BEGIN_US + segment * LINES_EACH * 1000);
    await writeFile(join(platform.home, "apps", "big", "logs", name), text, { mode: 0o600 });
  }
  await platform.wake();
  return { platform, lines };
}

function digest(data: string | Buffer): string {
  return createHash("sha256").update(data).digest("hex");
}

describe("a long answer", (test) => {
  const lab = test.shared(withLongLog);
  const shell = async (script: string): Promise<string> => {
    const { platform } = await lab();
    const { status, stdout, stderr } = await platform.exec("bash", ["-o", "pipefail", "-c", script], {
      cwd: platform.dir,
    });
    assert.is(status, 0, stderr);
    assert.is(stderr, "");
    return stdout.trim();
  };

  test("has every line once and in order, in a pipe, a file and zipped", async () => {
    const { platform, lines } = await lab();
    const wanted = digest(lines["web.1"] ?? "");
    const logs = `git heroku logs --app big --ps web.1 --since ${SINCE} --json`;
    assert.is(await shell(`${logs} | sha256sum | cut -d' ' -f1`), wanted);
    await shell(`${logs} > lines.ndjson`);
    assert.is(digest(await readFile(join(platform.dir, "lines.ndjson"))), wanted);
    await shell(`git heroku logs:export --app big --ps web.1 --since ${SINCE} -o lines.ndjson.gz`);
    assert.is(digest(gunzipSync(await readFile(join(platform.dir, "lines.ndjson.gz")))), wanted);
  });

  test("as text, and by a text that is found in it", async () => {
    const all = `git heroku logs --app big --since ${SINCE} --source app`;
    assert.is(await shell(`${all} | wc -l`), String(SEGMENTS * LINES_EACH));
    assert.is(await shell(`${all} --search "7 abc" | wc -l`), String((SEGMENTS * LINES_EACH) / 10));
  });

  test("is given up quietly by who has enough of it", async () => {
    const first = await shell(
      `{ git heroku logs --app big --ps web.2 --since ${SINCE} || echo failed >&2; } | head -n 1; true`,
    );
    assert.match(first, "app[web.2]: 1 abcdefghij");
  });

  test("is whole for whoever does not ask to read the rest, or has no business with the platform's files", async () => {
    const { platform, lines } = await lab();
    const wanted = digest(lines["web.1"] ?? "");
    const ask = async (leavesRest: boolean): Promise<string> =>
      textOf(await platformClient(platform).logs("big", { ps: "web.1", since: SINCE, leavesRest }));
    assert.is(digest(await ask(false)), wanted);
    assert.match((await ask(true)).trim().split("\n").at(-1) ?? "", '{"rest":{"dir":');
    const token = await must(platform, platform.dir, "heroku", "tokens:create");
    const { api } = JSON.parse(await readFile(join(platform.home, "server.json"), "utf8")) as { api: string };
    const answer = await fetch(`${api}/apps/big/logs?ps=web.1&since=${SINCE}&leaves_rest=true`, {
      headers: { accept: "application/vnd.heroku+json; version=3", authorization: `Bearer ${token}` },
    });
    assert.is(digest(await answer.text()), wanted);
  });
});
