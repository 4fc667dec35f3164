/** The router as it is built, its access lines on disk, beside nginx with its access log and haproxy, as proxies before the
 *  same backend. The proxy is pinned to one core, load and backend to another; what counts is the processor time of the
 *  proxy for each request, which a busy machine changes little. Needs nginx, haproxy, wrk and taskset. */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { AppRoute } from "../../src/router/route-table.ts";
import { startRouter } from "../../src/router/start-router.ts";
import { untilGone } from "../support/platform.ts";
import type { TestContext } from "../support/suite.ts";
import { median, times, withContext, type Row } from "./measure.ts";
import { cpuTicks, residentMb, TICKS_PER_SECOND } from "./process-figures.ts";

const ROUNDS = 4;
const SECONDS = 3;
const CONNECTIONS = 32;
const IDLE_CONNECTIONS = 5_000;
/** Between an answer and the next request of a connection of the steady load, on average. */
const THINK_MS = 8;
const ROUTER = fileURLToPath(new URL("../../bin/routerd.js", import.meta.url));

interface Proxy {
  pid: number;
  port: number;
}

interface Load {
  /** What wrk says. */
  text: string;
  requests: number;
  perSecond: number;
}

export async function benchRouter(): Promise<Row[]> {
  return withContext(async (t) => {
    const lab = await RouterLab.open(t);
    const [ours, nginx] = await lab.cpuPerRequest();
    const [slow, fast] = await lab.latencies();
    const memory = await lab.idleMemory();
    return [
      {
        what: "router, CPU for a small request",
        ours: `${ours.toFixed(1)} µs`,
        peer: `${nginx.toFixed(1)} µs nginx`,
        ratio: times(ours, nginx),
        limit: "3.0 ×",
      },
      {
        what: "router, 99th percentile at 70 % of its limit",
        ours: `${slow.toFixed(2)} ms`,
        peer: `${fast.toFixed(2)} ms haproxy`,
        ratio: Number.isFinite(slow + fast) ? times(slow, fast) : "the machine is too busy",
        limit: "5 ×",
      },
      { what: "router, memory of an idle connection", ours: `${memory.toFixed(1)} kB`, peer: "", ratio: "", limit: "" },
    ];
  });
}

class RouterLab {
  readonly #t: TestContext;
  readonly #dir: string;
  readonly #backend: number;

  private constructor(t: TestContext, dir: string, backend: number) {
    this.#t = t;
    this.#dir = dir;
    this.#backend = backend;
  }

  static async open(t: TestContext): Promise<RouterLab> {
    const dir = await t.tempDir();
    const backend = await freePort();
    const answer = `server { listen 127.0.0.1:${String(backend)}; location / { return 200 "hello\\n"; } }`;
    await startNginx(t, { dir, name: "backend", core: 1, port: backend, http: answer });
    return new RouterLab(t, dir, backend);
  }

  /** Microseconds for each request: ours, nginx. */
  async cpuPerRequest(): Promise<[number, number]> {
    const proxies = [await this.#router(), await this.#nginx()] as const;
    const found: [number[], number[]] = [[], []];
    for (let round = 0; round <= ROUNDS; round += 1) {
      for (const [index, proxy] of proxies.entries()) {
        const before = await cpuTicks(proxy.pid);
        const { requests } = await load(proxy.port);
        const us = (((await cpuTicks(proxy.pid)) - before) / TICKS_PER_SECOND / requests) * 1_000_000;
        if (round > 0) found[index === 0 ? 0 : 1].push(us);
      }
    }
    return [median(found[0]), median(found[1])];
  }

  /** Milliseconds: the 99th percentile of each at 70 % of what it carries itself, in the best of the rounds, because
   *  whatever else the machine does only adds to it. */
  async latencies(): Promise<[number, number]> {
    const proxies = [await this.#router(), await this.#haproxy()] as const;
    const found: [number[], number[]] = [[], []];
    const limits: number[] = [];
    for (const { port } of proxies) {
      const carried = [await load(port), await load(port)].map(({ perSecond }) => perSecond);
      limits.push(Math.max(...carried));
    }
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const [index, proxy] of proxies.entries()) {
        const p99 = await this.#steadyLoad(proxy.port, (limits[index] ?? 0) * 0.7);
        found[index === 0 ? 0 : 1].push(p99);
      }
    }
    return [Math.min(...found[0]), Math.min(...found[1])];
  }

  /** So many connections that each can wait between its requests, most of the time: what one answer takes keeps the other
   *  requests from being sent no more than it would with strangers. wrk counts from the moment of sending. */
  async #steadyLoad(port: number, perSecond: number): Promise<number> {
    const script = join(this.#dir, "think.lua");
    await writeFile(script, `function delay() return math.random(0, ${String(2 * THINK_MS)}) end\n`);
    const connections = Math.round((perSecond * (THINK_MS + 1)) / 1000);
    const { text, perSecond: reached } = await load(port, { connections, args: ["--latency", "-s", script] });
    // The machine had something else to do: no figure.
    if (reached < 0.8 * perSecond) return Number.POSITIVE_INFINITY;
    const [, value = "", unit = ""] = /99%\s+([\d.]+)(us|ms|s)/.exec(text) ?? [];
    return Number(value) * ({ us: 0.001, ms: 1, s: 1000 }[unit] ?? Number.NaN);
  }

  /** Kilobytes more for each connection that has served a request and stays open. */
  async idleMemory(): Promise<number> {
    const proxy = await this.#router();
    const sockets: Socket[] = [];
    const open = async (): Promise<void> => {
      const socket = connect(proxy.port, "127.0.0.1");
      sockets.push(socket);
      socket.write("GET / HTTP/1.1\r\nHost: hello.localhost\r\n\r\n");
      await once(socket, "data");
    };
    this.#t.after(() => sockets.forEach((socket) => socket.destroy()));
    await open();
    const before = await residentMb(proxy.pid);
    for (let n = 0; n < IDLE_CONNECTIONS; n += 50) await Promise.all(Array.from({ length: 50 }, open));
    await sleep(2_000);
    return (((await residentMb(proxy.pid)) - before) * 1024) / IDLE_CONNECTIONS;
  }

  async #router(): Promise<Proxy> {
    const home = await this.#t.tempDir();
    await mkdir(join(home, "router"));
    await mkdir(join(home, "apps", "hello", "router"), { recursive: true });
    const backends = [{ ps: "web.1", host: "127.0.0.1", port: this.#backend }];
    const route: AppRoute = {
      app: "hello",
      domains: [],
      maintenance: false,
      state: "up",
      backends,
      quietMs: 1_800_000,
    };
    const settings = { baseDomains: ["localhost"], trustedProxies: [] };
    const start = { ports: [0], routes: [route], settings };
    const program = { node: process.execPath, script: ROUTER };
    const { reason } = await startRouter(program, { start, output: 2, home });
    if (reason !== undefined) throw new Error(reason);
    const proxy = JSON.parse(await readFile(join(home, "router.json"), "utf8")) as Proxy;
    this.#t.after(() => {
      process.kill(proxy.pid, "SIGKILL");
      return untilGone(proxy.pid);
    });
    spawnSync("taskset", ["-acp", "0", String(proxy.pid)]);
    return proxy;
  }

  async #nginx(): Promise<Proxy> {
    const port = await freePort();
    const http =
      `upstream b { server 127.0.0.1:${String(this.#backend)}; keepalive 64; }` +
      `server { listen 127.0.0.1:${String(port)}; keepalive_requests 100000000; access_log ${this.#dir}/access.log;` +
      `location / { proxy_pass http://b; proxy_http_version 1.1; proxy_set_header Connection ""; } }`;
    return { pid: await startNginx(this.#t, { dir: this.#dir, name: "proxy", core: 0, port, http }), port };
  }

  async #haproxy(): Promise<Proxy> {
    const port = await freePort();
    const path = join(this.#dir, "haproxy.cfg");
    await writeFile(
      path,
      `global\n  nbthread 1\n  maxconn 2000\ndefaults\n  mode http\n  timeout connect 5s\n  timeout client 60s\n` +
        `  timeout server 60s\n  http-reuse always\nlisten a\n  bind 127.0.0.1:${String(port)}\n` +
        `  server s 127.0.0.1:${String(this.#backend)}\n`,
    );
    const child = spawn("taskset", ["-c", "0", "haproxy", "-db", "-f", path], { stdio: "ignore" });
    this.#t.after(() => ended(child));
    await listening(port);
    return { pid: child.pid ?? 0, port };
  }
}

interface NginxRequest {
  dir: string;
  name: string;
  core: number;
  port: number;
  http: string;
}

/** One process does all the work: its pid. */
async function startNginx(t: TestContext, { dir, name, core, port, http }: NginxRequest): Promise<number> {
  const path = join(dir, `${name}.conf`);
  const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  const temporary = paths.map((kind) => `${kind}_temp_path ${dir}/${name}-${kind};`).join(" ");
  await writeFile(
    path,
    `daemon off; master_process off; pid ${dir}/${name}.pid; error_log ${dir}/${name}.log;` +
      `events { worker_connections 8192; } http { access_log off; keepalive_requests 100000000; ${temporary} ${http} }`,
  );
  const child = spawn("taskset", ["-c", String(core), "nginx", "-p", dir, "-c", path], { stdio: "ignore" });
  t.after(() => ended(child));
  await listening(port);
  return child.pid ?? 0;
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => void server.close(() => resolve()));
  return port;
}

async function listening(port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, "127.0.0.1");
    const open = await once(socket, "connect").then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (open) return;
    await sleep(20);
  }
}

/** As many requests as go through. */
async function load(port: number, { connections = CONNECTIONS, args = [] as string[] } = {}): Promise<Load> {
  const url = `http://127.0.0.1:${String(port)}/`;
  const shape = ["-t1", `-c${String(connections)}`, `-d${String(SECONDS)}s`, "-H", "Host: hello.localhost"];
  const stdio = ["ignore", "pipe", "inherit"] as const;
  const child = spawn("taskset", ["-c", "1", "wrk", ...shape, ...args, url], { stdio: [...stdio] });
  let text = "";
  for await (const chunk of child.stdout ?? []) text += String(chunk);
  if (/Non-2xx|Socket errors/.test(text)) throw new Error(text);
  const requests = Number(/(\d+) requests in/.exec(text)?.[1]);
  return { text, requests, perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1]) };
}
