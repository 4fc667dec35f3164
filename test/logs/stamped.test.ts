/** Spools whose lines bring their time: the router's. */
import { appendFile, rm } from "node:fs/promises";
import * as assert from "uvu/assert";
import { formatStamp } from "../../src/core/log-line.ts";
import type { LogStore } from "../../src/logs/log-store.ts";
import { describe } from "../support/suite.ts";
import { linesOf, messagesOf, openStore, storedBytes, writeSpool } from "./open-store.ts";
import { realClock } from "./real-clock.ts";

function attach(store: LogStore, path: string): void {
  store.attach({ id: "r.000001", path, ps: "router", release: undefined, isStamped: true });
}

describe("stamped spools", (test) => {
  test("lines are the platform's, at the time they bring, and never go back", async (t) => {
    const dir = await t.tempDir();
    const store = await openStore(t, dir);
    const hourAgo = Math.floor(realClock.now() * 1000) - 3_600_000_000;
    const future = hourAgo + 7_200_000_000;
    const stamps = [hourAgo, hourAgo + 5, hourAgo + 3, 0, future];
    const raw = stamps.map((us, index) => `${String(us).padStart(16, "0")} [error] line ${String(index)}\n`).join("");
    attach(store, await writeSpool(dir, "r.000001", `${raw}no stamp\n`));
    await store.finish("r.000001");
    const lines = linesOf(await storedBytes(dir));
    assert.equal(
      lines.map(({ ps, source, level, msg }) => [ps, source, level, msg]),
      [0, 1, 2, 3, 4]
        .map((index) => ["router", "heroku", undefined, `[error] line ${String(index)}`])
        .concat([["router", "heroku", undefined, "no stamp"]]),
    );
    assert.equal(
      lines.slice(0, 4).map(({ ts }) => ts),
      [hourAgo, hourAgo + 5, hourAgo + 5, hourAgo + 5].map((us) => formatStamp(us)),
    );
    assert.ok((lines[4]?.ts ?? "") < formatStamp(future));
    store.append({ ps: "api", source: "heroku", msg: "now" });
    await store.flushed();
    const stored = linesOf(await storedBytes(dir)).map(({ ts }) => ts);
    assert.equal(stored, stored.toSorted());
  });

  test("a line without its end is nobody's, and a reader that comes back goes on behind the last whole one", async (t) => {
    const dir = await t.tempDir();
    const us = String(Math.floor(realClock.now() * 1000));
    const path = await writeSpool(dir, "r.000001", `${us} one\n${us} tw`);
    const first = await openStore(t, dir);
    attach(first, path);
    await first.tail({ lines: 10 }, new AbortController().signal).next();
    await first.close();
    await appendFile(path, `o\n${us} thr`);
    const second = await openStore(t, dir);
    attach(second, path);
    await second.finish("r.000001");
    await rm(path);
    assert.equal(messagesOf(await storedBytes(dir)), ["one", "two"]);
  });
});
