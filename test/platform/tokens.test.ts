/** The store of access tokens: what is on the disk, and that nothing else is believed. */
import crypto from "node:crypto";
import { mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import * as assert from "uvu/assert";
import { formatTokens, parseLifetime, parseTokens } from "../../src/core/access-token.ts";
import { Home } from "../../src/platform/home.ts";
import { Tokens } from "../../src/platform/tokens.ts";
import { refuses } from "../support/assert.ts";
import { describe, type TestContext } from "../support/suite.ts";

const NED = { name: "Ned Foo", email: "ned@foobazco.com" };
const LAPTOP = { isAdmin: true, owner: NED, description: "laptop", lifetimeMs: undefined };

interface Stage {
  home: Home;
  faults: string[];
  clock: { time: number };
  open: () => Promise<Tokens>;
}

async function stage(t: TestContext): Promise<Stage> {
  const home = await Home.open(await t.tempDir());
  const faults: string[] = [];
  const clock = { time: Date.UTC(2026, 10, 23, 16) };
  const parts = {
    clock: { now: () => clock.time, sleep: () => Promise.resolve() },
    journal: { note: () => undefined, fault: (during: string) => void faults.push(during) },
  };
  return { home, faults, clock, open: () => Tokens.open(home, parts) };
}

describe("tokens", (test) => {
  test("a token is on the disk as a hash only, and a daemon later knows it still", async (t) => {
    const { home, open } = await stage(t);
    const { token, about } = await (await open()).create(LAPTOP);
    assert.match(token, /^git-heroku-[\w-]{43}$/);
    const text = await readFile(home.tokensFile, "utf8");
    assert.not.ok(text.includes(token.slice(11)));
    assert.match(text, about.sha256);
    assert.is((await stat(home.tokensFile)).mode & 0o777, 0o600);
    const later = await open();
    assert.equal(later.authenticate(token)?.about, { ...about, usedAt: Date.UTC(2026, 10, 23, 16) });
    for (const wrong of ["", about.sha256, token.slice(0, -1), `${token}A`, token.toUpperCase()])
      assert.is(later.authenticate(wrong), undefined, wrong);
    await later.close();
  });

  test("what is shown is compared with every token, whole and in constant time, wherever the right one is", async (t) => {
    const { open } = await stage(t);
    const tokens = await open();
    const made = [await tokens.create(LAPTOP), await tokens.create(LAPTOP), await tokens.create(LAPTOP)];
    const { timingSafeEqual } = crypto;
    let compared = 0;
    crypto.timingSafeEqual = (a, b) => {
      compared += 1;
      return timingSafeEqual(a, b);
    };
    syncBuiltinESMExports();
    t.after(() => {
      crypto.timingSafeEqual = timingSafeEqual;
      syncBuiltinESMExports();
    });
    for (const shown of [...made.map(({ token }) => token), "git-heroku-wrong", ""]) {
      tokens.authenticate(shown);
      assert.is(compared, made.length, shown);
      compared = 0;
    }
    await tokens.close();
  });

  test("what is revoked stays so, and only that", async (t) => {
    const { open } = await stage(t);
    const tokens = await open();
    const [first, second] = [await tokens.create(LAPTOP), await tokens.create(LAPTOP)];
    let ended = 0;
    tokens.authenticate(first.token)?.onRevoked.add(() => (ended += 1));
    await tokens.revoke(first.about.id);
    assert.is(ended, 1);
    for (const store of [tokens, await open()]) {
      assert.is(store.authenticate(first.token), undefined);
      assert.is(store.authenticate(second.token)?.about.id, second.about.id);
      await store.close();
    }
    assert.is((await refuses("not_found", () => tokens.revoke(first.about.id))).resource, "authorization");
  });

  test("expiry; the time of use is noted once in a minute", async (t) => {
    const { home, open, clock } = await stage(t);
    const tokens = await open();
    const start = clock.time;
    const { token } = await tokens.create({ ...LAPTOP, lifetimeMs: 100_000 });
    const uses: (number | undefined)[] = [];
    for (const seconds of [0, 59, 60, 99]) {
      clock.time = start + seconds * 1000;
      assert.ok(tokens.authenticate(token));
      uses.push(tokens.list()[0]?.usedAt);
    }
    assert.equal(uses, [start, start, start + 60_000, start + 60_000]);
    clock.time = start + 100_000;
    assert.is(tokens.authenticate(token), undefined);
    await tokens.close();
    assert.match(await readFile(home.tokensFile, "utf8"), '"used_at": "2026-11-23T16:01:00.000Z"');
  });

  test("a disk that takes nothing: no token is made, none is gone", async (t) => {
    const { home, open, faults } = await stage(t);
    const tokens = await open();
    const { token, about } = await tokens.create(LAPTOP);
    await rm(home.tokensFile);
    await mkdir(`${home.tokensFile}/x`, { recursive: true });
    await refuses("unavailable", () => tokens.create(LAPTOP));
    await refuses("unavailable", () => tokens.revoke(about.id));
    assert.is(tokens.list().length, 1);
    assert.ok(tokens.authenticate(token));
    await tokens.close();
    assert.equal(faults, ["writing access/tokens.json"]);
  });

  test("a damaged file lets nobody in, and is not written over", async (t) => {
    const { home, open, faults } = await stage(t);
    const { token, about } = await (await open()).create(LAPTOP);
    const good = await readFile(home.tokensFile, "utf8");
    const bad = [
      good.slice(0, -20),
      "{}",
      "[]",
      "null",
      '{"tokens":[{}]}',
      good.replace(about.sha256, "x"),
      good.replace('"expires_at": null', '"expires_at": "soon"'),
      good.replace('"created_at": "', '"created_at": "x'),
      good.replace('"owner": "Ned Foo <ned@foobazco.com>"', '"owner": ""'),
    ];
    for (const text of bad) {
      await writeFile(home.tokensFile, text);
      const tokens = await open();
      assert.ok(tokens.isDamaged, text);
      assert.is(tokens.authenticate(token), undefined);
      await refuses("unavailable", () => tokens.create(LAPTOP));
      assert.is(await readFile(home.tokensFile, "utf8"), text);
    }
    assert.is(faults.length, bad.length);
  });

  test("a token is found by the beginning of its id", async (t) => {
    const { open } = await stage(t);
    const tokens = await open();
    const { about } = await tokens.create({ ...LAPTOP, description: "a\u001b[31mb\nc" });
    assert.is(tokens.find(about.id.slice(0, 4)).description, "a [31mb c");
    for (const id of ["", about.id.slice(0, 3), "zzzz"]) await refuses("not_found", () => tokens.find(id));
    await refuses("not_found", () => tokens.find(about.id, () => false));
  });

  test("what is stored is what is read", () => {
    const token = { id: "x", sha256: "a".repeat(64), owner: NED, description: "", createdAt: 1000 };
    for (const times of [
      { isAdmin: true, expiresAt: undefined, usedAt: undefined },
      { isAdmin: false, expiresAt: 5000, usedAt: 2000 },
    ])
      assert.equal(parseTokens(JSON.parse(JSON.stringify(formatTokens([{ ...token, ...times }])))), [
        { ...token, ...times },
      ]);
  });

  test("a token from before there were people is for everything", () => {
    const { tokens } = formatTokens([
      {
        id: "x",
        sha256: "a".repeat(64),
        owner: NED,
        isAdmin: false,
        description: "",
        createdAt: 1000,
        expiresAt: undefined,
        usedAt: undefined,
      },
    ]);
    const { admin: _none, ...old } = tokens[0] ?? { admin: false };
    assert.is(parseTokens({ tokens: [old] })?.[0]?.isAdmin, true);
    assert.is(parseTokens({ tokens: [{ ...old, admin: "no" }] }), undefined);
  });

  test("lifetimes", async () => {
    const cases = {
      "90m": 5_400_000,
      "12h": 43_200_000,
      "30d": 2_592_000_000,
      "1w": 604_800_000,
      "1y": 31_536_000_000,
    };
    for (const [text, ms] of Object.entries(cases)) assert.is(parseLifetime(text), ms);
    for (const text of ["", "30", "d", "0d", "-1d", "1.5h", "999y", "30 d", "1month"])
      await refuses("invalid_params", () => parseLifetime(text));
  });
});
