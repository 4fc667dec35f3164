import { once } from "node:events";
import { setImmediate as turn } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import * as assert from "uvu/assert";
import { TurnEnd } from "../../src/router/turn-end.ts";
import { describe } from "../support/suite.ts";

describe("turn end", (test) => {
  test("the lines of a turn are told together, an app at a time, and then its answers end", async () => {
    const told: string[] = [];
    const end = new TurnEnd((app, lines) => told.push(`${app}: ${lines.join(" ")}`));
    end.log("a", "1");
    end.atEnd(() => told.push("answer 1"));
    end.log("b", "2");
    end.log("a", "3");
    end.atEnd(() => told.push("answer 3"));
    assert.equal(told, []);
    await turn();
    assert.equal(told, ["a: 1 3", "b: 2", "answer 1", "answer 3"]);
    end.log("a", "4");
    end.writeLines();
    end.atEnd(() => told.push("answer 4"));
    assert.equal(told.slice(4), ["a: 4"]);
    await turn();
    assert.equal(told.slice(4), ["a: 4", "answer 4"]);
  });

  test("an answer that fails fails alone", async (t) => {
    const module = new URL("../../src/router/turn-end.js", import.meta.url).href;
    const code = `process.on("uncaughtException", () => undefined);
      import(${JSON.stringify(module)}).then(({ TurnEnd }) => {
        const end = new TurnEnd(() => undefined);
        end.atEnd(() => { throw new Error("a bug"); });
        end.atEnd(() => require("node:worker_threads").parentPort.postMessage("answered"));
      });`;
    const worker = new Worker(code, { eval: true });
    t.after(() => worker.terminate());
    assert.equal(await once(worker, "message"), ["answered"]);
  });
});
