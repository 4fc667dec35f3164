/** The router beside nginx and haproxy as proxies before the same backend. The proxy is pinned to one core, load and
 *  backend to another; what counts is the processor time of the proxy for each request, which a busy machine changes
 *  little. Needs nginx, haproxy, wrk and taskset. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { TestContext } from "../support/suite.ts";
import { median, times, withContext, type Row } from "./measure.ts";

const ROUNDS = 5;
const SECONDS = 3;
const CONNECTIONS = 32;
const IDLE_CONNECTIONS = 5_000;
/** Linux counts processor time in hundredths of a second for every program (man 5 proc, USER_HZ). */
const TICK_US = 10_000;
const ROUTER = fileURLToPath(new URL("router-process.js", import.meta.url));

interface Proxy {
  pid: number;
  port: number;
}

interface Load {
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
        what: "router, p99 at 70 % of its limit",
        ours: `${slow.toFixed(2)} ms`,
        peer: `${fast.toFixed(2)} ms haproxy`,
        ratio: times(slow, fast),
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
        const us = (((await cpuTicks(proxy.pid)) - before) * TICK_US) / requests;
        if (round > 0) found[index === 0 ? 0 : 1].push(us);
      }
    }
    return [median(found[0]), median(found[1])];
  }

  /** Milliseconds: the 99th percentile of each at 70 % of what it carries itself. */
  async latencies(): Promise<[number, number]> {
    const proxies = [await this.#router(), await this.#haproxy()];
    const found: [number[], number[]] = [[], []];
    const limits = [];
    for (const proxy of proxies) limits.push((await load(proxy.port)).perSecond);
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const [index, proxy] of proxies.entries()) {
        found[index === 0 ? 0 : 1].push(await p99At((limits[index] ?? 0) * 0.7, proxy.port));
      }
    }
    return [median(found[0]), median(found[1])];
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
    const before = await residentKb(proxy.pid);
    for (let n = 0; n < IDLE_CONNECTIONS; n += 50) await Promise.all(Array.from({ length: 50 }, open));
    await sleep(2_000);
    return ((await residentKb(proxy.pid)) - before) / IDLE_CONNECTIONS;
  }

  async #router(): Promise<Proxy> {
    const args = ["-c", "0", process.execPath, ROUTER, String(this.#backend)];
    const child = spawn("taskset", args, { stdio: ["ignore", "pipe", "inherit"] });
    this.#t.after(() => ended(child));
    const [port] = (await once(child.stdout, "data")) as [Buffer];
    return { pid: child.pid ?? 0, port: Number(String(port)) };
  }

  async #nginx(): Promise<Proxy> {
    const port = await freePort();
    const http =
      `upstream b { server 127.0.0.1:${String(this.#backend)}; keepalive 64; }` +
      `server { listen 127.0.0.1:${String(port)}; keepalive_requests 100000000; access_log /dev/null;` +
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
async function load(port: number): Promise<Load> {
  const url = `http://127.0.0.1:${String(port)}/`;
  const connections = String(CONNECTIONS);
  const args = [
    "-c",
    "1",
    "wrk",
    "-t1",
    `-c${connections}`,
    `-d${String(SECONDS)}s`,
    "-H",
    "Host: hello.localhost",
    url,
  ];
  const child = spawn("taskset", args, { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  for await (const chunk of child.stdout) text += String(chunk);
  if (/Non-2xx|Socket errors/.test(text)) throw new Error(text);
  return {
    requests: Number(/(\d+) requests in/.exec(text)?.[1]),
    perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1]),
  };
}

const REQUEST = "GET / HTTP/1.1\r\nHost: hello.localhost\r\n\r\n";
const SENDERS = 64;

/** Sends at a fixed rate, whatever the answers do, and counts each from the time at which it was due. Answers are all of
 *  one length. Milliseconds. */
async function p99At(perSecond: number, port: number): Promise<number> {
  const took: number[] = [];
  const free: Sender[] = [];
  const length = await answerLength(port);
  const done = (sender: Sender, ms: number): void => {
    took.push(ms);
    free.push(sender);
  };
  const senders = await Promise.all(Array.from({ length: SENDERS }, () => Sender.open(port, length, done)));
  free.push(...senders);
  const all = Math.floor(perSecond * SECONDS);
  const start = performance.now();
  for (let sent = 0; took.length < all;) {
    const due = Math.min(all, Math.floor(((performance.now() - start) * perSecond) / 1000));
    for (; sent < due && free.length > 0; sent += 1) free.pop()?.send(start + (sent * 1000) / perSecond);
    await new Promise((resolve) => setImmediate(resolve));
  }
  for (const sender of senders) sender.close();
  took.sort((one, other) => one - other);
  return took[Math.floor(took.length * 0.99)] ?? Number.NaN;
}

async function answerLength(port: number): Promise<number> {
  const socket = connect(port, "127.0.0.1").setNoDelay(true);
  socket.write(REQUEST);
  const [answer] = (await once(socket, "data")) as [Buffer];
  socket.destroy();
  return answer.length;
}

class Sender {
  readonly #socket: Socket;
  #dueAt = 0;
  #got = 0;

  private constructor(socket: Socket, length: number, done: (sender: Sender, ms: number) => void) {
    this.#socket = socket;
    socket.on("data", (chunk: Buffer) => {
      this.#got += chunk.length;
      if (this.#got < length) return;
      this.#got = 0;
      done(this, performance.now() - this.#dueAt);
    });
  }

  static async open(port: number, length: number, done: (sender: Sender, ms: number) => void): Promise<Sender> {
    const socket = connect(port, "127.0.0.1").setNoDelay(true);
    await once(socket, "connect");
    return new Sender(socket, length, done);
  }

  send(dueAt: number): void {
    this.#dueAt = dueAt;
    this.#socket.write(REQUEST, "latin1");
  }

  close(): void {
    this.#socket.destroy();
  }
}

async function cpuTicks(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${String(pid)}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11]) + Number(fields[12]);
}

async function residentKb(pid: number): Promise<number> {
  return Number(/VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${String(pid)}/status`, "utf8"))?.[1]);
}
