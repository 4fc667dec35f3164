/** A log with drains in a process of its own, to be killed: appends numbered lines from a number on, for ever.
 *  Arguments: the directory, the first number, the URLs. */
import { createDrainLab } from "./lab.ts";

const [dir = "", first = "0", ...urls] = process.argv.slice(2);
const lab = await createDrainLab({ dir, segmentBytes: 200_000 });
await lab.add(...urls.map((url, index) => lab.spec(index + 1, url)));
for (let number = Number(first); ; number += 1) {
  lab.log(`line ${String(number)}`);
  if (number % 20 !== 0) continue;
  await lab.store.flushed();
  process.stdout.write(`${String(number)}\n`);
  await new Promise((resolve) => setTimeout(resolve, 1));
}
