/** A program for adoption.test.ts: a formation whose daemon will be killed. Says `process` for each
 *  process and `settled` when everything runs.
 *  Arguments: directory of the apps, name of the fixture, release, quantities as JSON, settings as JSON. */
import { join } from "node:path";
import { Formation } from "../../src/formation/formation.ts";
import type { FormationSettings } from "../../src/formation/formation-options.ts";
import { LocalRuntime } from "../../src/formation/local-runtime.ts";
import { PortAllocator } from "../../src/formation/ports.ts";
import { QUICK, realClock, target } from "./support.ts";

const [appsDirectory = "", app = "", release = "1", quantities = "{}", settings = "{}"] = process.argv.slice(2);
const formation = new Formation({
  app: "foobaz",
  runtime: await LocalRuntime.open({ appsDirectory, clock: realClock }),
  ports: new PortAllocator({ clock: realClock, random: () => Math.random() }),
  clock: realClock,
  random: () => 0.5,
  restFile: join(appsDirectory, "foobaz", "resting.json"),
  settings: { ...QUICK, ...(JSON.parse(settings) as Partial<FormationSettings>) },
  callbacks: {
    log: () => undefined,
    onProcess: () => void process.stdout.write("process\n"),
    onExit: () => Promise.resolve(),
    onRoutes: () => undefined,
    onWebHealth: () => undefined,
    drained: () => Promise.resolve(),
    onFault: (error) => console.error(error),
  },
});
const wanted = JSON.parse(quantities) as Record<string, number>;
formation.converge(await target(app, wanted, { release: Number(release) }), "launch");
await formation.settled();
console.log("settled");
