/** A small real HTTP server on a unix socket that answers the Platform API from memory: for tests of the client only.
 *  It keeps every question, so that a test can look at what was really sent. */
import { mkdir } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { join } from "node:path";
import type { DiskItem } from "../../src/api/slug-resources.ts";
import type { App, DoctorCheck, Dyno, FormationItem, ReleaseDetails, ReleaseItem } from "../../src/api/resources.ts";

export interface AskedQuestion {
  method: string;
  url: string;
  headers: IncomingMessage["headers"];
  body: unknown;
}

export interface FakeApp {
  app: App;
  releases: ReleaseItem[];
  config: Record<string, string>;
  formation: FormationItem[];
  dynos: Dyno[];
  /** NDJSON lines, without newlines. */
  logs: string[];
  disk: DiskItem;
}

export class Refusal extends Error {
  readonly status: number;
  readonly body: unknown;
  constructor(status: number, body: unknown) {
    super(JSON.stringify(body));
    this.status = status;
    this.body = body;
  }
}

interface Reply {
  status?: number;
  headers?: Record<string, string>;
  body: unknown;
}
type Handler = (parts: string[], question: AskedQuestion, response: ServerResponse) => Reply | undefined;

export class FakePlatform {
  readonly home: string;
  readonly asked: AskedQuestion[] = [];
  readonly apps = new Map<string, FakeApp>();
  doctor: DoctorCheck[] = [{ name: "ledger", ok: true, level: "ok", message: "1 app, all refs sound" }];
  /** Answers before anything else does, when it returns or throws something or writes to the response itself. */
  override: (question: AskedQuestion, response: ServerResponse) => Reply | undefined = () => undefined;
  readonly #server: Server;

  private constructor(home: string) {
    this.home = home;
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  static async start(home: string): Promise<FakePlatform> {
    await mkdir(home, { recursive: true });
    const platform = new FakePlatform(home);
    await new Promise<void>((resolve) => platform.#server.listen(join(home, "server.sock"), resolve));
    return platform;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => void this.#server.close(() => resolve()));
  }

  addApp(name: string): FakeApp {
    const app: FakeApp = {
      app: {
        id: `id-of-${name}`,
        name,
        web_url: `http://${name}.localhost:5000/`,
        git_url: join(this.home, "repos", `${name}.git`),
        created_at: "2011-06-18T08:21:37Z",
        updated_at: "2011-06-18T08:21:37Z",
        released_at: null,
        maintenance: false,
        owner: { email: "ned@foobazco.com", id: "ned@foobazco.com" },
        region: { name: "local" },
        stack: { name: "local" },
        slug_size: null,
      },
      releases: [],
      config: {},
      formation: [],
      dynos: [],
      logs: [],
      disk: { repository: 220_000, slugs: 4_000_000, cache: 0, logs: 40_000, run: 0 },
    };
    this.apps.set(name, app);
    this.addRelease(app, "Initial release", { change: "initial", eligible_for_rollback: false });
    return app;
  }

  addRelease(app: FakeApp, description: string, more: Partial<ReleaseItem> = {}): ReleaseItem {
    for (const release of app.releases) release.current = false;
    const version = (app.releases[0]?.version ?? 0) + 1;
    const release: ReleaseItem = {
      id: `release-${String(version)}`,
      version,
      description,
      user: { id: "ned@foobazco.com", email: "ned@foobazco.com" },
      created_at: "2011-06-19T08:35:19Z",
      status: "succeeded",
      current: true,
      eligible_for_rollback: true,
      addon_plan_names: [],
      commit: null,
      change: "config",
      via: "local",
      ...more,
    };
    app.releases.unshift(release);
    return release;
  }

  /** The last question that could change something. */
  lastChange(): AskedQuestion | undefined {
    return this.asked.findLast((question) => question.method !== "GET");
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = "";
    for await (const chunk of request) text += String(chunk);
    const { method = "", url = "", headers } = request;
    const question = { method, url, headers, body: text === "" ? undefined : (JSON.parse(text) as unknown) };
    this.asked.push(question);
    let reply: Reply | undefined;
    try {
      reply = this.override(question, response);
      if (reply === undefined && !response.headersSent) reply = this.#find(question, response);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      reply = { status: error.status, body: error.body };
    }
    if (reply === undefined || response.headersSent) return;
    response.writeHead(reply.status ?? 200, { "content-type": "application/json", ...reply.headers });
    response.end(JSON.stringify(reply.body));
  }

  #find(question: AskedQuestion, response: ServerResponse): Reply | undefined {
    const path = question.url.split("?")[0] ?? "";
    for (const [pattern, handler] of this.#routes) {
      const parts = pattern.exec(`${question.method} ${path}`);
      if (parts !== null) return handler(parts.slice(1).map(decodeURIComponent), question, response);
    }
    throw new Refusal(404, { id: "not_found", message: `The fake has no ${question.method} ${path}.` });
  }

  #app(name: string | undefined): FakeApp {
    const app = this.apps.get(name ?? "");
    if (app !== undefined) return app;
    const hint = "List the apps with `git heroku apps`.";
    throw new Refusal(404, { id: "not_found", message: "Couldn't find that app.", hint });
  }

  #release(app: FakeApp, version: string | undefined): ReleaseItem {
    const release = app.releases.find((candidate) => version === "newest" || String(candidate.version) === version);
    if (release !== undefined) return release;
    throw new Refusal(404, { id: "not_found", message: "Couldn't find that release." });
  }

  #details(app: FakeApp, version: string | undefined): ReleaseDetails {
    const details = {
      commit_subject: null,
      config_names: Object.keys(app.config),
      copy_of: null,
      takes_back: null,
      process_types: {},
    };
    return { ...details, ...this.#release(app, version) };
  }

  readonly #routes: [RegExp, Handler][] = [
    [/^GET \/apps$/, () => ({ body: [...this.apps.values()].map(({ app }) => app) })],
    [/^POST \/apps$/, (_, { body }) => ({ status: 201, body: this.#create(body as { name?: string }) })],
    [/^GET \/apps\/([^/]+)$/, ([name]) => ({ body: this.#app(name).app })],
    [/^PATCH \/apps\/([^/]+)$/, ([name], { body }) => ({ body: Object.assign(this.#app(name).app, body) })],
    [/^DELETE \/apps\/([^/]+)$/, ([name = ""]) => ({ body: this.#app(name).app, gone: this.apps.delete(name) })],
    [/^GET \/apps\/([^/]+)\/disk$/, ([name]) => ({ body: this.#app(name).disk })],
    [/^GET \/apps\/([^/]+)\/dynos$/, ([name]) => ({ body: this.#app(name).dynos })],
    [/^GET \/apps\/([^/]+)\/formation$/, ([name]) => ({ body: this.#app(name).formation })],
    [/^PATCH \/apps\/([^/]+)\/formation$/, ([name], { body }) => ({ body: this.#scale(this.#app(name), body) })],
    [
      /^(?:DELETE|POST) \/apps\/([^/]+)\/(?:dynos|formations).*$/,
      ([name]) => (this.#app(name), { status: 202, body: {} }),
    ],
    [/^GET \/apps\/([^/]+)\/releases$/, ([name], question) => ({ body: this.#list(this.#app(name), question) })],
    [/^GET \/apps\/([^/]+)\/releases\/(\d+)$/, ([name, v]) => ({ body: this.#release(this.#app(name), v) })],
    [
      /^GET \/apps\/([^/]+)\/releases\/(\d+|newest)\/details$/,
      ([name, v]) => ({ body: this.#details(this.#app(name), v) }),
    ],
    [/^GET \/apps\/([^/]+)\/releases\/(?:\d+|newest)\/config-vars$/, ([name]) => ({ body: this.#app(name).config })],
    [
      /^POST \/apps\/([^/]+)\/releases$/,
      ([name], { body }) => ({ status: 201, body: this.#rollback(this.#app(name), body) }),
    ],
    [/^GET \/apps\/([^/]+)\/config-vars$/, ([name]) => ({ body: this.#app(name).config })],
    [/^PATCH \/apps\/([^/]+)\/config-vars$/, ([name], { body }) => this.#setConfig(this.#app(name), body)],
    [/^GET \/apps\/([^/]+)\/logs$/, ([name], question, response) => this.#logs(this.#app(name), question, response)],
    [/^GET \/apps\/([^/]+)\/log-processes$/, ([name]) => ({ body: this.#processes(this.#app(name)) })],
    [/^GET \/platform$/, () => ({ body: this.#platform() })],
    [/^GET \/platform\/doctor$/, () => ({ body: this.doctor })],
    [/^POST \/platform\/actions\/stop$/, (_, __, response) => this.#stopAfter(response)],
  ];

  #create({ name = "calm-river-40721" }: { name?: string }): App {
    if (this.apps.has(name))
      throw new Refusal(422, { id: "invalid_params", message: `Name ${name} is already taken.` });
    return this.addApp(name).app;
  }

  #scale(app: FakeApp, body: unknown): FormationItem[] {
    return (body as { updates: { type: string; quantity: string }[] }).updates.map(({ type, quantity }) => {
      const item = app.formation.find((candidate) => candidate.type === type);
      if (item === undefined) throw new Refusal(404, { id: "not_found", message: `No process type ${type}.` });
      item.quantity = /^[+-]/.test(quantity) ? item.quantity + Number(quantity) : Number(quantity);
      return item;
    });
  }

  #list(app: FakeApp, { headers }: AskedQuestion): ReleaseItem[] {
    const max = Number(/^version \.\.; max=(\d+), order=desc$/.exec(headers.range ?? "")?.[1]);
    return app.releases.slice(0, max);
  }

  #rollback(app: FakeApp, body: unknown): ReleaseItem {
    const target = (body as { release?: string }).release ?? String((app.releases[0]?.version ?? 0) - 1);
    return this.addRelease(app, `Rollback to v${String(this.#release(app, target).version)}`, { change: "rollback" });
  }

  #setConfig(app: FakeApp, body: unknown): Reply {
    const before = JSON.stringify(app.config);
    for (const [name, value] of Object.entries(body as Record<string, string | null>)) {
      if (value === null) delete app.config[name];
      else app.config[name] = value;
    }
    if (JSON.stringify(app.config) === before) return { body: app.config };
    const { version } = this.addRelease(app, "Config change");
    return { headers: { "git-heroku-release": String(version) }, body: app.config };
  }

  #logs(app: FakeApp, { url }: AskedQuestion, response: ServerResponse): undefined {
    const query = new URL(url, "http://localhost").searchParams;
    const [ps, source] = [query.get("ps"), query.get("source")];
    const lines = app.logs.filter((text) => {
      const line = JSON.parse(text) as { ps: string; source: string };
      return (
        (ps === null || line.ps === ps || line.ps.split(".")[0] === ps) && (source === null || line.source === source)
      );
    });
    response.writeHead(200, { "content-type": "application/x-ndjson" });
    response.write(
      lines
        .slice(-Number(query.get("lines") ?? 100))
        .map((line) => `${line}\n`)
        .join("") + (query.get("cursors") === "true" && query.get("tail") === "true" ? '{"cursor":":0"}\n' : "\n"),
    );
    if (query.get("tail") !== "true") response.end();
  }

  #processes(app: FakeApp): string[] {
    return [...new Set(app.logs.map((line) => (JSON.parse(line) as { ps: string }).ps))].sort();
  }

  #platform(): unknown {
    return {
      version: "0.1.0",
      pid: process.pid,
      home: this.home,
      started_at: "2011-06-19T08:35:19Z",
      router_url: "http://127.0.0.1:5000",
      api_url: "http://127.0.0.1:5001",
      certificate: "/home/ned/.git-heroku/certificate.pem",
      router: { pid: 4711, port: 5000, version: "0.1.0", started_at: "2011-06-19T08:35:19Z" },
      apps: this.apps.size,
      rss_bytes: 73_400_320,
    };
  }

  #stopAfter(response: ServerResponse): Reply {
    response.on("finish", () => void this.stop());
    return { status: 202, headers: { connection: "close" }, body: {} };
  }
}
