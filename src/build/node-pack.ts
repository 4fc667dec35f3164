/** The buildpack of Node.js apps as builds use it: reads what decides, runs npm where it must (node-builder.ts). */
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "../core/error.ts";
import { sortProcfile } from "../core/procfile.ts";
import { buildFailed, describeStatus } from "./build-failed.ts";
import { buildNode, NODE_BUILDER_KEY, type NodeApp } from "./node-builder.ts";
import type { RootFiles } from "./detect.ts";
import { Captured } from "./output-sink.ts";
import type { BuildSite, Pack, ReleaseFacts } from "./pack.ts";
import { parsePackageJson } from "./package-json.ts";
import { buildEnv, toolPath } from "./tool-env.ts";
import { ToolOutput } from "./tool-output.ts";

const VERSION_BYTES_MAX = 64 * 1024;

export class NodePack implements Pack {
  readonly source = "nodejs";
  #app: NodeApp | undefined;

  key(): Promise<string> {
    return Promise.resolve(NODE_BUILDER_KEY);
  }

  async detect({ root }: BuildSite): Promise<string | undefined> {
    this.#app = await readNodeApp(root);
    return this.#app === undefined ? undefined : "Node.js";
  }

  async compile(site: BuildSite, { isLast }: { isLast: boolean }): Promise<boolean> {
    const app = this.#known();
    // What cannot be started need not be built.
    if (isLast) await this.release(site);
    await mkdir(site.cacheDir, { recursive: true });
    const { place, cacheDir } = site;
    const scratch = { home: place.home, tmp: place.tmp, npmCache: join(cacheDir, "npm") };
    const env = { ...buildEnv(site.toolEnv, scratch), ...site.exported };
    const shown = new ToolOutput((text) => site.say(text));
    const run = async (words: readonly string[], output: ToolOutput | Captured): Promise<void> => {
      const status = await site.run({ words, env, output });
      if (status !== 0) throw buildFailed(`\`${words.join(" ")}\` ended with ${describeStatus(status)}.`);
    };
    try {
      return await buildNode({
        app,
        dir: place.app,
        cacheDir,
        has: (program) => isOnPath(program, env["PATH"] ?? toolPath(site.toolEnv)),
        say: (text) => site.say(text),
        run: (...words) => run(words, shown),
        ask: async (...words) => {
          const said = new Captured(VERSION_BYTES_MAX);
          await run(words, said);
          return said.text;
        },
      });
    } finally {
      shown.end();
    }
  }

  release({ root, declared }: BuildSite): Promise<ReleaseFacts> {
    const nothing = { configVars: {}, addons: [] };
    if (declared !== undefined) return Promise.resolve({ types: new Map(), ...nothing });
    if (this.#known().manifest.scripts.has("start") || root.has("server.js")) {
      return Promise.resolve({ types: sortProcfile([["web", "npm start"]]), ...nothing });
    }
    throw new AppError("invalid_params", "Nothing says how to start this Node.js app.", {
      hint: "Add a Procfile with a line such as `web: node index.js`, or a start script to package.json.",
    });
  }

  #known(): NodeApp {
    if (this.#app === undefined) throw new Error("detect comes first");
    return this.#app;
  }
}

async function readNodeApp(root: RootFiles): Promise<NodeApp | undefined> {
  const text = await root.read("package.json");
  if (text === undefined) return undefined;
  const manifest = parsePackageJson(text);
  return {
    manifest,
    lockfile: (await root.read("npm-shrinkwrap.json")) ?? (await root.read("package-lock.json")),
    yarnLock: await root.read("yarn.lock"),
    pnpmLock: await root.read("pnpm-lock.yaml"),
    hasBunLock: root.has("bun.lock"),
    npmrc: await root.read(".npmrc"),
    isVendored: root.all.some(({ path }) => path === "node_modules" || path.startsWith("node_modules/")),
  };
}

function isOnPath(program: string, path: string): boolean {
  return path.split(":").some((directory) => existsSync(join(directory, program)));
}
