import * as assert from "uvu/assert";
import fc from "fast-check";
import { formatProcfile, parseProcfile, sortProcfile } from "../../src/core/procfile.ts";
import { refuses } from "../support/assert.ts";
import { describe } from "../support/suite.ts";

describe("procfile", (test) => {
  test("reads types in order of their names, with comments, blank lines and CRLF", () => {
    const procfile = parseProcfile(
      "# processes\r\nworker: rake jobs:work\r\n\r\nweb: node index.js # not a comment\r\n",
    );
    assert.equal(
      [...procfile],
      [
        ["web", "node index.js # not a comment"],
        ["worker", "rake jobs:work"],
      ],
    );
  });

  test("the last of two equal types wins", () => {
    assert.is(parseProcfile("web: a\nweb: b\n").get("web"), "b");
  });

  test("names the line that is malformed", async () => {
    const error = await refuses("invalid_params", () => parseProcfile("web: ok\nnonsense\n"));
    assert.match(error.message, 'line 2 is not "type: command": "nonsense"');
  });

  test("refuses an empty command and a bad type", async () => {
    await refuses("invalid_params", () => parseProcfile("web:\n"));
    await refuses("invalid_params", () => parseProcfile("we b: x\n"));
  });

  test("knows a merge conflict when it sees one", async () => {
    const error = await refuses("invalid_params", () => parseProcfile("web: a\n<<<<<<< HEAD\nworker: b\n=======\n"));
    assert.match(error.message, "line 2 is a merge conflict marker");
  });

  test("parse ∘ format is the identity", () => {
    const type = fc.stringMatching(/^[A-Za-z0-9_-]{1,20}$/);
    const command = fc.stringMatching(/^[!-~]([ -~]{0,30}[!-~])?$/);
    fc.assert(
      fc.property(fc.array(fc.tuple(type, command)), (pairs) => {
        const procfile = sortProcfile(new Map(pairs));
        assert.equal([...parseProcfile(formatProcfile(procfile))], [...procfile]);
      }),
    );
  });
});
