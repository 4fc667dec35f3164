/** A log with drains in a process of its own, to be killed: appends numbered lines from a number on, for ever.
 *  Arguments: the directory, the first number, how much of the log is kept (bytes), the URLs. */
import { createDrainLab } from "./lab.ts";

const [dir = "", first = "0", kept = "0", ...urls] = process.argv.slice(2);
const lab = await createDrainLab({ dir, segmentBytes: 20_000 });
await lab.add(...urls.map((url, index) => lab.spec(index + 1, url)));
lab.store.retain({ bytesMax: Number(kept), ageMsMax: Number.POSITIVE_INFINITY });
for (let number = Number(first); ; number += 1) {
  lab.log(`line ${String(number)}`);
  if (number % 20 !== 0) continue;
  await lab.store.flushed();
  process.stdout.write(`${String(number)}\n`);
  await new Promise((resolve) => setTimeout(resolve, 1));
}
