import * as assert from "uvu/assert";
import { describe } from "../support/suite.ts";
import { switchUnderLoad } from "./switch-lab.ts";

describe("changes under load", (test) => {
  test("a deploy, a rollback, a config change and scaling: every request is answered", async (t) => {
    assert.ok((await switchUnderLoad(t, 4)) > 80);
  });
});
