/** When a web process is ready: it listens on its port itself, accepts, goes on doing so for a moment, and passes the
 *  app's health check where there is one. A process that throws right after it began to listen, one that has its port
 *  and still loads its code, or one whose port is somebody else's, is not. */
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
  /** A connection of ours waits to be accepted: another would only wait behind it. */
  readonly isKnocking?: boolean;
}

/** A process that boots in 50 ms should not wait for us; one that takes a minute should not be pestered. */
const FIRST_PAUSE_MS = 5;
const LAST_PAUSE_MS = 250;
const QUICK_PAUSES = 100;
/** One that has to load its code first takes longer than a look at its port is cheap. */
const KNOCK_PAUSE_MS = 25;
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
    let lack: Lack | undefined;
    for (let tries = 0; !signal.aborted; tries += 1) {
      lack = await look(instance, host, signal, lack?.isKnocking === true);
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
  const lack = await lackOfListener(instance, host);
  // One that serves may have visitors waiting.
  return ((lack?.isKnocking === true ? undefined : lack) ?? (await lackOfHealth(instance, host))) === undefined;
}

async function look(
  instance: Instance,
  host: ReadinessHost,
  signal: AbortSignal,
  isKnocking: boolean,
): Promise<Lack | undefined> {
  const { port = 0 } = instance;
  if (!isKnocking && !(await acceptsConnections(port))) return { pauseMs: 0 };
  const [first] = await Promise.all([
    lackOfListener(instance, host),
    host.clock.sleep(host.rules().readyCheckMs, signal),
  ]);
  // At the first look it may just not have come to it.
  const lack = first?.isKnocking === true ? await lackOfListener(instance, host) : first;
  if (lack !== undefined) return lack;
  if (!(await acceptsConnections(port))) return { pauseMs: 0 };
  return lackOfHealth(instance, host, signal);
}

/** Not its own port, or one where it has not accepted what the kernel has let in for it. */
async function lackOfListener({ id, port = 0 }: Instance, { runtime }: ReadinessHost): Promise<Lack | undefined> {
  const { isOwn, unaccepted = 0 } = (await runtime.listening(id, port)) ?? {};
  if (isOwn === false) {
    return { text: `another program listens on port ${String(port)}`, pauseMs: LAST_PAUSE_MS };
  }
  return unaccepted > 0
    ? { text: "it listens, but accepts no connection", pauseMs: KNOCK_PAUSE_MS, isKnocking: true }
    : undefined;
}

async function lackOfHealth(instance: Instance, host: ReadinessHost, signal?: AbortSignal): Promise<Lack | undefined> {
  const { healthPath: path, healthTimeoutMs } = host.rules();
  if (path === undefined) return undefined;
  const patience = AbortSignal.timeout(healthTimeoutMs);
  const until = signal === undefined ? patience : AbortSignal.any([signal, patience]);
  const text = await askHealth(instance, path, until);
  return text === undefined ? undefined : { text, pauseMs: LAST_PAUSE_MS };
}

/** Undefined when the answer is 2xx. */
function askHealth({ port, app }: Instance, path: string, signal: AbortSignal): Promise<string | undefined> {
  return new Promise((resolve) => {
    const headers = { host: `${app}.localhost`, "user-agent": "git-heroku health check", connection: "close" };
    const asked = request({ host: LOOPBACK, port, path, headers, signal, agent: false }, (response) => {
      const { statusCode = 0 } = response;
      response.destroy();
      resolve(statusCode >= 200 && statusCode < 300 ? undefined : `it answered ${String(statusCode)}`);
    });
    asked.once("error", () => resolve("it gave no answer"));
    asked.end();
  });
}
