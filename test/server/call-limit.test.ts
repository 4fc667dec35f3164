/** How many calls a token may make in an hour, and what costs none. */
import * as assert from "uvu/assert";
import { describe } from "../support/suite.ts";
import { NED } from "../platform/lab.ts";
import { openDoor } from "./door-lab.ts";

describe("rate limit of the api", (test) => {
  test("so many calls of a token, then 429; other tokens and the unix socket go on", async (t) => {
    const lab = await openDoor(t, { callsPerHour: 3 });
    const remaining = async (): Promise<unknown> => (await lab.tcp("GET", "/account/rate-limits")).body;
    assert.equal(await remaining(), { remaining: 3 });
    const answers = [
      await lab.tcp("GET", "/apps"),
      await lab.tcp("GET", "/apps/nosuch"),
      await lab.tcp("POST", "/apps", { body: { name: "foobaz" } }),
      await lab.tcp("POST", "/apps", { body: { name: "other" } }),
    ];
    assert.equal(
      answers.map(({ status, headers }) => [status, headers["ratelimit-remaining"]]),
      [
        [200, "2"],
        [404, "1"],
        [201, "0"],
        [429, "0"],
      ],
    );
    const { body, headers } = answers[3] ?? {};
    assert.is(body.id, "rate_limit");
    assert.is(body.message, "This token may make 3 calls an hour, and has made them.");
    assert.ok(Number(headers?.["retry-after"]) > 0 && Number(headers?.["retry-after"]) <= 1200);
    assert.equal(await remaining(), { remaining: 0 });
    assert.equal(
      lab.platform.list().map(({ name }) => name),
      ["foobaz"],
    );
    const other = await lab.platform.tokens.create({
      owner: NED.by,
      isAdmin: true,
      description: "",
      lifetimeMs: undefined,
    });
    const theirs = await lab.tcp("GET", "/apps", { authorization: `Bearer ${other.token}` });
    assert.equal([theirs.status, theirs.headers["ratelimit-remaining"]], [200, "2"]);
    for (let call = 0; call < 5; call += 1) assert.is((await lab.ask("GET", "/apps")).status, 200);
    assert.equal((await lab.ask("GET", "/account/rate-limits")).body, { remaining: 4500 });
    assert.is((await lab.tcp("GET", "/health", { authorization: null })).status, 200);
  });
});
