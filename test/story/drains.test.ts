/** drains as a person meets them, and a daemon that is killed while they send. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { HttpReceiver } from "../drains/receiver.ts";
import { untilSame } from "../support/converged.ts";
import { deployFixture, must } from "../support/deploy.ts";
import { eachStoredLine } from "../support/log-files.ts";
import { startPlatform } from "../support/platform.ts";
import { describe } from "../support/suite.ts";

/** From the line that tells of the drain on. */
function sinceAdded(all: readonly string[]): string[] {
  return all.slice(all.findIndex((message) => message.startsWith("Add drain")));
}

describe("drains", (test) => {
  test("added, looked at, removed; a daemon killed again and again sends every line, each frame once", async (t) => {
    const [platform, receiver] = [await startPlatform(t), await HttpReceiver.open(t)];
    const clone = await deployFixture(platform, "foobaz");
    const heroku = (...words: string[]): Promise<string> => must(platform, clone, "heroku", ...words);
    assert.is(await heroku("drains"), "");
    const [url, masked] = ["s3cret", "****"].map(
      (secret) => `http://${secret}@127.0.0.1:${String(receiver.port)}/in?key=${secret}`,
    ) as [string, string];
    assert.is(await heroku("drains:add", url), `Successfully added drain ${masked}`);
    await receiver.got("Add drain");
    // Frames are on their way, or have come and are not noted, whenever it is killed.
    for (const answer of ["hang", 500] as const) {
      receiver.answers = [answer];
      const before = receiver.posts.length;
      await heroku("maintenance:on");
      await heroku("maintenance:off");
      await receiver.until(() => receiver.posts.length > before);
      await platform.kill();
      receiver.answers = [200];
      await platform.wake();
    }
    await heroku("settings:set", "log-drain-retry=1s");
    await receiver.got("Set log-drain-retry=1s");
    const stored: string[] = [];
    await eachStoredLine(platform, "foobaz", ({ msg }) => void stored.push(msg));
    // What came between the place where the drain begins and its own line, the state of a process say, is sent too.
    const kept = sinceAdded(stored);
    await untilSame(kept, async () => sinceAdded(receiver.messages).slice(0, kept.length));

    // What the receiver has, the daemon knows of a moment later.
    const shows = (state: RegExp): Promise<void> =>
      untilSame("", async () => (await heroku("drains", "--extended")).replace(state, ""));
    const head = String.raw`=== Drains\nhttp://\*{4}@127\.0\.0\.1:\d+/in\?key=\*{4} \(d\.[-0-9a-f]{36}\)\n {4}`;
    await shows(new RegExp(`^${head}delivering; \\d+ messages delivered$`));
    const [listed] = JSON.parse(await heroku("drains", "--json")) as { token: string; url: string }[];
    assert.is(listed?.url, masked);
    receiver.answers = [500];
    await heroku("maintenance:on");
    await receiver.until(
      () => receiver.posts.at(-1)?.messages.some(({ msg }) => msg.includes("Set maintenance")) ?? false,
    );
    await shows(new RegExp(`^${head}failing since \\S+ \\(\\d+s\\): it answers with status 500\n[^]*$`));
    assert.is(await heroku("drains:remove", url), `Successfully removed drain ${masked}`);
    const refused = await platform.exec("git", ["heroku", "drains:add", "ftp://s3cret@h/"], { cwd: clone });
    assert.is(refused.status, 1);
    assert.match(refused.stderr, "ftp:// is nothing that a drain can speak.");
    const journal = await readFile(join(platform.home, "platform.log"), "utf8");
    assert.not.match(`${refused.stderr}${journal}${stored.join("\n")}`, "s3cret");
  });
});
