/** Commits in a real bare repository, and slugs built of them. */
import { execFile } from "node:child_process";
import { cp, mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { once } from "node:events";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { buildSlug, type BuildRequest } from "../../src/build/build-slug.ts";
import type { Slug } from "../../src/build/slug-store.ts";
import { pickToolEnv } from "../../src/build/tool-env.ts";
import type { Clock } from "../../src/core/clock.ts";
import type { TestContext } from "../support/suite.ts";

const FIXTURES = fileURLToPath(new URL("../../../fixtures/apps", import.meta.url));

export const CLOCK: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) => sleep(ms, undefined, signal === undefined ? {} : { signal }).catch(() => undefined),
};

export interface Commit {
  commit: string;
  tree: string;
}

export class BuildLab {
  readonly root: string;
  readonly repo: string;
  readonly appDir: string;
  readonly work: string;
  /** What the last build has shown. */
  text = "";

  private constructor(root: string) {
    this.root = root;
    this.repo = join(root, "foobaz.git");
    this.appDir = join(root, "apps", "foobaz");
    this.work = join(root, "work");
  }

  static async make(t: TestContext): Promise<BuildLab> {
    return BuildLab.open(await t.tempDir());
  }

  /** In an empty directory. */
  static async open(root: string): Promise<BuildLab> {
    const lab = new BuildLab(root);
    await mkdir(lab.work);
    await lab.git("init", "--quiet", "--bare", "-b", "main", lab.repo);
    return lab;
  }

  /** A commit of exactly these files. */
  async commit(files: Record<string, string>): Promise<Commit> {
    await rm(this.work, { recursive: true });
    await mkdir(this.work);
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(this.work, path)), { recursive: true });
      await writeFile(join(this.work, path), text);
    }
    return this.commitAll();
  }

  async commitFixture(name: string): Promise<Commit> {
    await rm(this.work, { recursive: true });
    await cp(join(FIXTURES, name), this.work, { recursive: true });
    return this.commitAll();
  }

  /** A commit of what stands in `work`. */
  async commitAll(): Promise<Commit> {
    await this.git("add", "--all", "--force");
    return this.commitIndex();
  }

  async commitIndex(): Promise<Commit> {
    await this.git("commit", "--quiet", "--allow-empty", "-m", "test");
    const [commit = "", tree = ""] = (await this.git("rev-parse", "HEAD", "HEAD^{tree}")).trim().split("\n");
    return { commit, tree };
  }

  async build(commit: Commit, options: Partial<BuildRequest> = {}): Promise<Slug> {
    this.text = "";
    return buildSlug({
      repo: this.repo,
      ...commit,
      appDir: this.appDir,
      toolEnv: pickToolEnv(process.env),
      output: (text) => (this.text += text),
      signal: new AbortController().signal,
      clock: CLOCK,
      ...options,
    });
  }

  /** Names under slugs/, finished or not. */
  async slugs(): Promise<string[]> {
    return (await readdir(join(this.appDir, "slugs"))).sort();
  }

  async git(...args: string[]): Promise<string> {
    const env = {
      PATH: process.env["PATH"],
      HOME: this.root,
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_AUTHOR_NAME: "Ned",
      GIT_AUTHOR_EMAIL: "ned@foobazco.com",
      GIT_COMMITTER_NAME: "Ned",
      GIT_COMMITTER_EMAIL: "ned@foobazco.com",
    };
    const where = args[0] === "init" ? [] : [`--git-dir=${this.repo}`, `--work-tree=${this.work}`];
    return (await promisify(execFile)("git", [...where, ...args], { cwd: this.work, env })).stdout;
  }
}

/** A place that processes connect to when they run, and leave by dying. */
export class Beacon {
  readonly #sockets: Socket[] = [];
  readonly #left: Promise<unknown>[] = [];
  #wake: () => void = () => undefined;
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  static async light(t: TestContext): Promise<Beacon> {
    const beacon = new Beacon(join(await t.tempDir(), "beacon"));
    const server = createServer((socket) => {
      beacon.#sockets.push(socket.on("error", () => undefined).resume());
      beacon.#left.push(new Promise((resolve) => socket.on("close", resolve)));
      beacon.#wake();
    });
    t.after(() => server.close());
    t.after(() => beacon.#sockets.forEach((socket) => socket.destroy()));
    server.listen(beacon.path);
    await once(server, "listening");
    return beacon;
  }

  async seen(count: number): Promise<void> {
    while (this.#sockets.length < count) await new Promise<void>((resolve) => (this.#wake = resolve));
  }

  async allLeft(): Promise<void> {
    await Promise.all(this.#left);
  }

  /** An app whose build starts a second process and ends only when killed. */
  hangingApp(): Record<string, string> {
    const script = `
      if (process.argv[2] === undefined) {
        require("node:child_process").spawn(process.execPath, [__filename, "child"], { stdio: "inherit", detached: true });
      }
      require("node:net").connect(${JSON.stringify(this.path)}).on("close", () => process.exit());
    `;
    return {
      "package.json": JSON.stringify({ name: "hangs", scripts: { build: "node hang.js", start: "node ." } }),
      "hang.js": script,
    };
  }
}
