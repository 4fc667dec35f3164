import * as assert from "uvu/assert";
import { describe } from "../support/suite.ts";
import { switchUnderLoad } from "./switch-lab.ts";

describe("changes under load, long", (test) => {
  test("a hundred of them: every request is answered", async (t) => {
    const answered = await switchUnderLoad(t, 100);
    console.log(`${String(answered)} requests answered`);
    assert.ok(answered > 2_000);
  });
}, 600_000);
