/** A program for scarcity.test.ts: a formation on a machine that runs out of something. It says what the formation says,
 *  and reads orders, one a line: `run N` (so many workers), `fill` and `free` (the disk that its apps are on), `end`. */
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Formation } from "../../src/formation/formation.ts";
import { LocalRuntime } from "../../src/formation/local-runtime.ts";
import { PortAllocator } from "../../src/formation/ports.ts";
import { QUICK, realClock, target } from "./support.ts";

const [appsDirectory = ""] = process.argv.slice(2);
const runtime = await LocalRuntime.open({ appsDirectory, clock: realClock });
const formation = new Formation({
  app: "foobaz",
  runtime,
  ports: new PortAllocator({ clock: realClock, random: () => Math.random() }),
  clock: realClock,
  random: () => 0.5,
  restFile: join(appsDirectory, "foobaz", "resting.json"),
  settings: QUICK,
  callbacks: {
    log: ({ ps, message }) => console.log(`${ps} ${message}`),
    onProcess: () => undefined,
    onExit: () => Promise.resolve(),
    onRoutes: () => undefined,
    onWebHealth: () => undefined,
    drained: () => Promise.resolve(),
    onFault: (error) => console.log(`fault ${String(error)}`),
  },
});

const ballast = join(appsDirectory, "ballast");
const ORDERS: Record<string, (argument: string) => unknown> = {
  run: async (quantity) => formation.converge(await target("foobaz", { worker: Number(quantity) }), "launch"),
  fill: async () => {
    for (let size = 2 ** 20; size >= 1; size = Math.floor(size / 2)) {
      await writeFile(ballast, Buffer.alloc(size), { flag: "a" }).catch(() => undefined);
    }
    console.log("filled");
  },
  free: () => rm(ballast),
  end: async () => {
    await formation.shutdown({ stopApps: true });
    await runtime.close({ detach: false });
    process.exit(0);
  },
};

console.log("ready");
for await (const order of createInterface({ input: process.stdin })) {
  const [word = "", argument = ""] = order.split(" ");
  await ORDERS[word]?.(argument);
}
