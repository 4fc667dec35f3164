/** A process that keeps the log of an app, as the daemon does, until it is killed or told to close.
 *  Arguments: the directory, then an `id` for each spool in it, as `id:ps:release`. */
import { join } from "node:path";
import { LogStore } from "../../../src/logs/log-store.ts";
import { realClock } from "../real-clock.ts";

type Request = { verb: "finish"; id: string } | { verb: "count"; ps: string } | { verb: "close" };

const [dir = "", ...spools] = process.argv.slice(2);
const store = await LogStore.open({
  dir: join(dir, "logs"),
  clock: realClock,
  segmentBytes: 2_000_000,
  careBytesMin: 1e9,
});
for (const spool of spools) {
  const [id = "", ps = "", release] = spool.split(":");
  store.attach({ id, path: join(dir, id), ps, release: Number(release) });
}

process.on("message", (request: Request) => {
  void answer(request).then((value) => {
    if (process.connected) process.send?.(value);
  });
});
process.send?.("ready");

async function answer(request: Request): Promise<unknown> {
  if (request.verb === "finish") await store.finish(request.id);
  else if (request.verb === "count")
    return (await store.query({ ps: request.ps }, 1_000_000)).toString().split("\n").length;
  else {
    await store.close();
    process.disconnect();
  }
  return request.verb;
}
