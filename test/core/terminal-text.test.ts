import * as assert from "uvu/assert";
import { closeColours, neutralise } from "../../src/core/terminal-text.ts";
import { describe } from "../support/suite.ts";

describe("terminal text", (test) => {
  test("keeps text, tabs, line ends and colours", () => {
    assert.is(neutralise("a\tb\n\u001b[1;31mrot\u001b[0m ü 漢", true), "a\tb\n\u001b[1;31mrot\u001b[0m ü 漢");
  });

  test("drops colours where none are wanted", () => {
    assert.is(neutralise("\u001b[1;31mrot\u001b[0m", false), "rot");
  });

  test("shows what a terminal would obey", () => {
    assert.is(neutralise("\u001b]0;title\u0007", true), "^[]0;title^G");
    assert.is(neutralise("\u001b[2Jgone\r", true), "^[[2Jgone^M");
    assert.is(neutralise("\u009b31m\u007f", true), "\\x9b31m^?");
    assert.is(neutralise("a\u202eb", true), "a\\u202eb");
  });

  test("a colour ends with its line", () => {
    assert.is(closeColours("\u001b[31mrot"), "\u001b[31mrot\u001b[0m");
    assert.is(closeColours("\u001b[31mrot\u001b[0m"), "\u001b[31mrot\u001b[0m");
    assert.is(closeColours("plain"), "plain");
  });
});
