/** Limits of process types: their texts, their file, and Heroku's words for memory. */
import * as assert from "uvu/assert";
import type { Json } from "../../src/core/json.ts";
import {
  changeLimits,
  checkLimit,
  describeMemory,
  formatMemory,
  limitTexts,
  readLimits,
} from "../../src/core/limits.ts";
import { refuses } from "../support/assert.ts";
import { describe } from "../support/suite.ts";

const MIB = 1024 * 1024;

describe("limits", (test) => {
  test("a file is read into numbers; what does not fit is no limit", () => {
    const stored: Json = {
      web: { memory: "512MB", "open-files": "4096", processes: "256" },
      worker: { memory: "2GB", "open-files": 4096, processes: "many", colour: "red" },
      clock: { memory: "1KB" },
      odd: null,
    };
    assert.equal(Object.fromEntries(readLimits(stored)), {
      web: { memoryBytes: 512 * MIB, openFiles: 4096, processes: 256 },
      worker: { memoryBytes: 2048 * MIB },
    });
    for (const nothing of [undefined, null, [], "x"] as (Json | undefined)[]) assert.is(readLimits(nothing).size, 0);
  });

  test("texts that do not fit are refused with the form that does", async () => {
    const bad = {
      memory: ["", "512", "0MB", "3MB", "512mb", "1.5GB", "1TB"],
      "open-files": ["", "0", "15", "-1", "1e3"],
      processes: ["", "0", "none", "1.5"],
    } as const;
    for (const name of ["memory", "open-files", "processes"] as const) {
      for (const text of bad[name]) {
        assert.match((await refuses("invalid_params", () => checkLimit(name, text))).hint ?? "", "Write ");
      }
    }
    checkLimit("memory", "4MB");
    checkLimit("open-files", "16");
    checkLimit("processes", "1");
  });

  test("a change touches one type, and leaves no empty one", () => {
    const stored = changeLimits(undefined, "web", { memory: "512MB", processes: "5" });
    assert.equal(stored, { web: { memory: "512MB", processes: "5" } });
    const both = changeLimits(stored, "worker", { "open-files": "64" });
    assert.equal(changeLimits(both, "web", { memory: null, processes: null }), { worker: { "open-files": "64" } });
    assert.equal(changeLimits(both, "web", { memory: null }), {
      web: { processes: "5" },
      worker: { "open-files": "64" },
    });
    const odd = changeLimits({}, "__proto__", { memory: "8MB" });
    assert.equal([...limitTexts(odd)], [["__proto__", { memory: "8MB" }]]);
  });

  test("memory is told as Heroku tells it", () => {
    assert.is(describeMemory(1028 * MIB, 512 * MIB), "mem=1028M(200.8%)");
    assert.is(describeMemory(512 * MIB + 1, 512 * MIB), "mem=512M(100.0%)");
    assert.is(formatMemory(21.4 * MIB), "21MB");
  });
});
