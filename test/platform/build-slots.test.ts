/** How many builds run at once, and who waits for whom. */
import * as assert from "uvu/assert";
import { BuildSlots } from "../../src/platform/build-slots.ts";
import { describe } from "../support/suite.ts";

describe("build slots", (test) => {
  test("as many as there may be; the others are told what they wait for, and come in turn", async () => {
    const slots = new BuildSlots(2);
    const said: string[] = [];
    const order: string[] = [];
    const never = new AbortController().signal;
    const take = async (name: string, signal = never): Promise<() => void> => {
      const give = await slots.take(name, signal, (text) => void said.push(text));
      order.push(name);
      return give;
    };
    const [first, second] = [await take("a"), await take("b")];
    const left = new AbortController();
    const leaving = take("c", left.signal).catch((error: Error) => error.message);
    const third = take("d");
    const fourth = take("e");
    assert.equal(
      said,
      Array.from({ length: 3 }, () => "-----> waiting for the build of a, and of b\n"),
    );
    left.abort();
    assert.is(await leaving, "build cancelled");
    first();
    first();
    (await third)();
    second();
    (await fourth)();
    assert.equal(order, ["a", "b", "d", "e"]);
  });
});
