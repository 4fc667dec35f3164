/** Stores spools as the daemon does, and ends. Arguments: the directory of the log, the spools. */
import { systemClock } from "../../src/bin/system-clock.ts";
import { LogStore } from "../../src/logs/log-store.ts";

const [dir = "", ...paths] = process.argv.slice(2);
const store = await LogStore.open({
  dir,
  clock: systemClock,
  careBytesMin: Number.POSITIVE_INFINITY,
});
for (const [number, path] of paths.entries()) {
  store.attach({ id: `spool.${String(number)}`, path, ps: `web.${String(number + 1)}`, release: 74 });
}
await Promise.all(paths.map((_, number) => store.finish(`spool.${String(number)}`)));
await store.close();
