/** A router alone in its process, for the bench: prints its port, carries everything to the port that it was given, and
 *  writes its access lines to the null device, a batch in each turn as the log keeper does. */
import { randomUUID } from "node:crypto";
import { openSync, writeSync } from "node:fs";
import { systemClock } from "../../src/bin/system-clock.ts";
import { Router } from "../../src/router/router.ts";

const sink = openSync("/dev/null", "w");
let lines = "";

function flush(): void {
  writeSync(sink, lines);
  lines = "";
}

const router = await Router.listen({
  host: "127.0.0.1",
  port: 0,
  clock: systemClock,
  randomId: randomUUID,
  onRequest: (app, line) => {
    if (lines === "") setImmediate(flush);
    lines += `${app} ${line}\n`;
  },
  // More than the bench holds open.
  settings: { clientKeepAliveMs: 600_000 },
});
const backends = [{ ps: "web.1", host: "127.0.0.1", port: Number(process.argv[2]) }];
router.setApp({ app: "hello", domains: [], maintenance: false, state: "up", backends, quietMs: 1_800_000 });
console.log(router.port);
process.on("SIGTERM", () => process.exit(0));
