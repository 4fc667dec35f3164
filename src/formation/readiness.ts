/** When a web process is ready: it listens on its port itself, goes on doing so for a moment, and passes the app's health
 *  check where there is one. A process that throws right after it began to listen, or whose port is somebody else's, is not. */
import { request } from "node:http";
import type { Clock } from "../core/clock.ts";
import { acceptsConnections, LOOPBACK } from "./ports.ts";
import type { Instance, Runtime } from "./runtime.ts";

export interface ReadinessRules {
  /** How long it must keep accepting. */
  readonly readyCheckMs: number;
  /** How long the answer to the health check may take. */
  readonly healthTimeoutMs: number;
  readonly healthPath: string | undefined;
}

export interface ReadinessHost {
  readonly runtime: Runtime;
  readonly clock: Clock;
  rules(): ReadinessRules;
}

/** What a process still lacks to be ready; `text` is for the log, where there is something to tell. */
interface Lack {
  readonly text?: string;
  /** Not sooner than then is it worth another look. */
  readonly pauseMs: number;
}

/** A process that boots in 50 ms should not wait for us; one that takes a minute should not be pestered. */
const FIRST_PAUSE_MS = 5;
const LAST_PAUSE_MS = 250;
const QUICK_PAUSES = 100;
/** When more boot at once they are looked at less often: each look takes from them what they boot with. */
const UNDISTURBED = 2;

/** Processes of all apps that are being waited for. */
let booting = 0;

/** Resolves true when the process is ready, false when the signal aborts first.
 *  @param note is told what is missing, if anything is worth telling, after each look. */
export async function waitUntilReady(
  instance: Instance,
  host: ReadinessHost,
  signal: AbortSignal,
  note: (lack: string | undefined) => void,
): Promise<boolean> {
  booting += 1;
  try {
    for (let tries = 0; !signal.aborted; tries += 1) {
      const lack = await look(instance, host, signal);
      if (lack === undefined) return !signal.aborted;
      if (!signal.aborted) note(lack.text);
      await host.clock.sleep(Math.max(lack.pauseMs, pauseAfter(tries)), signal);
    }
    return false;
  } finally {
    booting -= 1;
  }
}

function pauseAfter(tries: number): number {
  const growth = 1.25 ** Math.min(30, Math.max(0, tries - QUICK_PAUSES));
  return Math.min(LAST_PAUSE_MS, FIRST_PAUSE_MS * growth * Math.max(1, booting / UNDISTURBED));
}

/** Does one that was found running serve already? */
export async function servesAlready(instance: Instance, host: ReadinessHost): Promise<boolean> {
  if (instance.phase !== "running" || !(await acceptsConnections(instance.port ?? 0))) return false;
  return ((await lackOfOwner(instance, host)) ?? (await lackOfHealth(instance, host))) === undefined;
}

async function look(instance: Instance, host: ReadinessHost, signal: AbortSignal): Promise<Lack | undefined> {
  const { port = 0 } = instance;
  if (!(await acceptsConnections(port))) return { pauseMs: 0 };
  const [foreign] = await Promise.all([
    lackOfOwner(instance, host),
    host.clock.sleep(host.rules().readyCheckMs, signal),
  ]);
  if (foreign !== undefined) return foreign;
  if (!(await acceptsConnections(port))) return { pauseMs: 0 };
  return lackOfHealth(instance, host, signal);
}

async function lackOfOwner({ id, port = 0 }: Instance, { runtime }: ReadinessHost): Promise<Lack | undefined> {
  if ((await runtime.ownsPort(id, port)) !== false) return undefined;
  return { text: `another program listens on port ${String(port)}`, pauseMs: LAST_PAUSE_MS };
}

async function lackOfHealth(instance: Instance, host: ReadinessHost, signal?: AbortSignal): Promise<Lack | undefined> {
  const { healthPath: path, healthTimeoutMs } = host.rules();
  if (path === undefined) return undefined;
  const patience = AbortSignal.timeout(healthTimeoutMs);
  const until = signal === undefined ? patience : AbortSignal.any([signal, patience]);
  const text = await askHealth(instance, path, until);
  return text === undefined ? undefined : { text, pauseMs: LAST_PAUSE_MS };
}

/** Undefined when the answer is 2xx or 3xx. */
function askHealth({ port, app }: Instance, path: string, signal: AbortSignal): Promise<string | undefined> {
  return new Promise((resolve) => {
    const headers = { host: `${app}.localhost`, "user-agent": "git-heroku health check", connection: "close" };
    const asked = request({ host: LOOPBACK, port, path, headers, signal, agent: false }, (response) => {
      const { statusCode = 0 } = response;
      response.destroy();
      resolve(statusCode >= 200 && statusCode < 400 ? undefined : `it answered ${String(statusCode)}`);
    });
    asked.once("error", () => resolve("it gave no answer"));
    asked.end();
  });
}
