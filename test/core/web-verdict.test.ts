/** What a release is judged by: whether one of its web processes was ever up. */
import * as assert from "uvu/assert";
import type { DynoState } from "../../src/core/dyno.ts";
import { judgeWeb } from "../../src/core/web-verdict.ts";
import { describe } from "../support/suite.ts";

const web = (state: DynoState, past: "up" | "failed" | "new" = "new") => ({
  state,
  wasUp: past === "up",
  hasFailed: past === "failed",
});

describe("web verdict", (test) => {
  const cases = [
    ["nothing is to serve", "none", []],
    ["all of it sleeps", "none", [web("idle")]],
    ["it starts", "awaited", [web("starting")]],
    ["one has failed and another starts", "awaited", [web("crashed", "failed"), web("starting")]],
    ["one is up, whatever the others do", "healthy", [web("crashed", "failed"), web("up", "up")]],
    ["one was up and has crashed since", "healthy", [web("crashed", "up")]],
    ["each has failed", "unhealthy", [web("crashed", "failed"), web("crashed", "failed")]],
    ["it has failed and is tried again", "unhealthy", [web("starting", "failed")]],
    ["the others sleep", "unhealthy", [web("idle"), web("crashed", "failed")]],
  ] as const;
  for (const [name, verdict, dynos] of cases) {
    test(`${verdict}: ${name}`, () => assert.is(judgeWeb(dynos), verdict));
  }
});
