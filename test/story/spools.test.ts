import * as assert from "uvu/assert";
import { deployFixture, must, untilState } from "../support/deploy.ts";
import { eachStoredLine } from "../support/log-files.ts";
import { startPlatform } from "../support/platform.ts";
import { describe } from "../support/suite.ts";
import { killUnderOutput } from "./spools-lab.ts";

describe("output and a killed daemon", (test) => {
  test("a kill under twenty thousand lines a second: none lost, none doubled", async (t) => {
    assert.ok((await killUnderOutput(t, 1)) > 1_000);
  });

  test("200,000 lines and then an error: the whole stack trace is there", async (t) => {
    const platform = await startPlatform(t);
    const clone = await deployFixture(platform, "loud");
    await must(platform, clone, "heroku", "scale", "throws=1");
    await untilState(platform, "loud", "crashed", 1);
    await must(platform, clone, "heroku", "scale", "throws=0");
    const first: string[] = [];
    let lines = 0;
    await eachStoredLine(platform, "loud", ({ msg }) => {
      if (/^line \d+$/.test(msg)) lines += 1;
      else if (lines === 200_000) first.push(msg);
    });
    const trace = first.slice(0, first.findIndex((message) => message.startsWith("Node.js v")) + 1).join("\n");
    assert.match(trace, /Error: the last words\n( +at deep .*\n){6}[^]*Node\.js v\d+/);
  });
});
