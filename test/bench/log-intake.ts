/** Stores one spool as the daemon does, and ends. Arguments: the directory of the log, the spool. */
import { systemClock } from "../../src/bin/system-clock.ts";
import { LogStore } from "../../src/logs/log-store.ts";

const [dir = "", path = ""] = process.argv.slice(2);
const store = await LogStore.open({
  dir,
  clock: systemClock,
  careBytesMin: Number.POSITIVE_INFINITY,
});
store.attach({ id: "spool", path, ps: "web.1", release: 74 });
await store.finish("spool");
await store.close();
