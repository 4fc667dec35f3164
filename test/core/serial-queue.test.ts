import * as assert from "uvu/assert";
import { SerialQueue } from "../../src/core/serial-queue.ts";
import { rejects } from "../support/assert.ts";
import { describe } from "../support/suite.ts";

class Gate {
  open!: () => void;
  readonly opened = new Promise<void>((resolve) => {
    this.open = resolve;
  });
}

describe("serial queue", (test) => {
  test("one at a time, in the order asked", async () => {
    const queue = new SerialQueue();
    const first = new Gate();
    const done: string[] = [];
    const results = [
      queue.run(async () => {
        await first.opened;
        done.push("first");
        return 1;
      }),
      queue.run(async () => {
        done.push("second");
        return 2;
      }),
    ];
    assert.is(queue.length, 2);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(done, []);
    first.open();
    assert.equal(await Promise.all(results), [1, 2]);
    assert.equal(done, ["first", "second"]);
    assert.is(queue.length, 0);
  });

  test("a failure reaches its own caller and nobody else", async () => {
    const queue = new SerialQueue();
    const failed = rejects(queue.run(() => Promise.reject(new Error("no"))));
    const thrown = rejects(
      queue.run(() => {
        throw new Error("at once");
      }),
    );
    assert.is(await queue.run(() => Promise.resolve("fine")), "fine");
    assert.match(String(await failed), "no");
    assert.match(String(await thrown), "at once");
    await queue.drained();
    assert.is(queue.length, 0);
  });

  test("drained waits for everything asked so far", async () => {
    const queue = new SerialQueue();
    await queue.drained();
    const gate = new Gate();
    let isDone = false;
    void queue.run(async () => {
      await gate.opened;
      isDone = true;
    });
    const drained = queue.drained().then(() => assert.ok(isDone));
    gate.open();
    await drained;
  });
});
