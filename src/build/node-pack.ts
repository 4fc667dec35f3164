/** The buildpack of Node.js apps as builds use it: reads what decides, runs npm where it must (node-builder.ts). */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "../core/error.ts";
import { sortProcfile } from "../core/procfile.ts";
import { buildFailed, describeStatus } from "./build-failed.ts";
import { buildNode, isLockedNode, isPassiveNode, nodeKey, type NodeApp, type NodeBuild } from "./node-builder.ts";
import { chooseNode, layNode, type NodeEngine } from "./node-engine.ts";
import type { RootFiles } from "./detect.ts";
import type { BuildSite, Pack, ReleaseFacts } from "./pack.ts";
import { parsePackageJson } from "./package-json.ts";
import { buildEnv, identifyTool, toolPath } from "./tool-env.ts";
import { ToolOutput } from "./tool-output.ts";

export class NodePack implements Pack {
  readonly source = "nodejs";
  #app: NodeApp | undefined;
  #engine: NodeEngine | undefined;

  async key(site: BuildSite): Promise<string> {
    const text = await site.root.read("package.json");
    // What cannot be read fails when it is built.
    const app = text === undefined ? undefined : await readNodeApp(site.root).catch(() => undefined);
    return nodeKey(await chooseNode(app?.manifest.nodeRange, site.toolEnv));
  }

  async detect({ root, toolEnv }: BuildSite): Promise<string | undefined> {
    this.#app = await readNodeApp(root);
    this.#engine = await chooseNode(this.#app?.manifest.nodeRange, toolEnv);
    return this.#app === undefined ? undefined : "Node.js";
  }

  async isPassive(site: BuildSite): Promise<boolean> {
    return isPassiveNode(this.#build(site, new ToolOutput(() => undefined)));
  }

  isLocked(site: BuildSite): Promise<boolean> {
    return Promise.resolve(isLockedNode(this.#build(site, new ToolOutput(() => undefined))));
  }

  async compile(site: BuildSite, { isLast }: { isLast: boolean }): Promise<boolean> {
    // What cannot be started need not be built.
    if (isLast) await this.release(site);
    await mkdir(site.cacheDir, { recursive: true });
    const prefix = this.#engine?.prefix;
    if (prefix !== undefined) {
      await site.layOut();
      const bin = await layNode(prefix, site.place.app, (dir) => site.tools.give(dir));
      site.exported = { ...site.exported, PATH: `${bin}:${site.exported["PATH"] ?? toolPath(site.toolEnv)}` };
    }
    const shown = new ToolOutput((text) => site.say(text));
    try {
      return await buildNode(this.#build(site, shown));
    } finally {
      shown.end();
    }
  }

  #build(site: BuildSite, output: ToolOutput): NodeBuild {
    const { place, cacheDir, layers } = site;
    const scratch = { home: place.home, tmp: place.tmp, npmCache: join(cacheDir, "npm") };
    const env = { ...buildEnv(site.toolEnv, scratch), ...site.exported };
    const path = (env["PATH"] ?? toolPath(site.toolEnv)).split(":");
    return {
      app: this.#known(),
      engine: this.#engine ?? { version: process.versions.node, prefix: undefined, warning: undefined },
      dir: place.app,
      cacheDir,
      layers,
      identify: (program) => identifyTool(program, path),
      say: (text) => site.say(text),
      protect: (dir) => site.tools.protect(dir),
      give: (dir) => site.tools.give(dir),
      run: async (...words) => {
        const status = await site.tools.run({ words, env, output });
        if (status !== 0) throw buildFailed(`\`${words.join(" ")}\` ended with ${describeStatus(status)}.`);
      },
    };
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
