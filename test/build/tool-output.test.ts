import * as assert from "uvu/assert";
import { cleanLine, ToolOutput } from "../../src/build/tool-output.ts";
import { formatBytes } from "../../src/core/byte-size.ts";
import { describe } from "../support/suite.ts";

describe("tool output", (test) => {
  test("colours stay, everything else that moves a cursor goes", () => {
    assert.is(cleanLine("\u001b[1;32mok\u001b[0m"), "\u001b[1;32mok\u001b[0m");
    assert.is(cleanLine("\u001b[2K\u001b[1Gup\u001b[?25l"), "up");
    assert.is(cleanLine("\u001b]0;title\u0007text\u001b]8;;http://x\u001b\\link"), "textlink");
    assert.is(cleanLine("bell\u0007 back\b nul\0 c1\u009b31m\u001bM"), "bell back nul c131mM");
    assert.is(cleanLine("10%\r50%\r100%\r"), "100%");
    assert.is(cleanLine("tab\tstays"), "tab\tstays");
  });

  test("lines come whole, characters too, an unfinished last line at the end", () => {
    let text = "";
    const output = new ToolOutput((part) => (text += part));
    const stream = output.stream();
    const bytes = Buffer.from("héllo\n\nwörld");
    for (const byte of bytes) stream.write(Buffer.from([byte]));
    assert.is(text, "       héllo\n\n");
    stream.end();
    output.end();
    assert.is(text, "       héllo\n\n       wörld\n");
  });

  test("a line without end does not grow in memory", () => {
    let text = "";
    const stream = new ToolOutput((part) => (text += part)).stream();
    for (let part = 0; part < 100; part += 1) stream.write(Buffer.alloc(10_000, "x"));
    stream.end();
    assert.is(text.length, 7 + 2_000 + 1);
  });

  test("sizes read as Heroku prints them", () => {
    assert.equal([0, 1, 12_001, 8_300_000].map(formatBytes), ["0K", "1K", "13K", "8.3MB"]);
  });
});
