/** A buildpack of Heroku's classic API: `bin/detect`, `bin/compile`, `bin/release` and `export`, programs that know nothing
 *  of this platform (Heroku: "Buildpack API"). */
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { INJECTED_NAMES } from "../core/config-vars.ts";
import { AppError } from "../core/error.ts";
import { buildFailed, describeStatus } from "./build-failed.ts";
import { Captured } from "./output-sink.ts";
import type { BuildSite, Pack, ReleaseFacts } from "./pack.ts";
import { parseReleaseYaml } from "./release-yaml.ts";
import { scriptEnv } from "./tool-env.ts";
import { cleanLine, ToolOutput } from "./tool-output.ts";

export interface ScriptSource {
  source: string;
  commit?: string;
  /** Lays the buildpack out in an empty directory. */
  layOut: (dir: string) => Promise<void>;
  key: (site: BuildSite) => Promise<string>;
  /** Of one from elsewhere nobody knows. */
  isLocked?: (site: BuildSite) => boolean;
  /** For ENV_DIR. */
  config: () => Promise<Readonly<Record<string, string>>>;
}

const BASH = ["/bin/bash", "/usr/bin/bash", "/usr/local/bin/bash"].find((path) => existsSync(path));
const SHELL = BASH ?? "/bin/sh";
/** An exec, so that the shell tells why a script cannot be run: no permission, or no interpreter. */
const RUN = 'exec "$0" "$@"';
/** What a script exports is what it has changed of the environment. */
const EXPORT = '. "$0" >&2 && exec env -0';
const NAME_LENGTH_MAX = 60;
const DETECT_BYTES_MAX = 64 * 1024;
/** Of what one that does not fit has to say. */
const DETECT_LINES_MAX = 20;
const RELEASE_BYTES_MAX = 1024 * 1024;
const ENV_BYTES_MAX = 4 * 1024 * 1024;
/** Of the shell itself, or what every tool of this build has in common. */
const KEPT = new Set([...INJECTED_NAMES.filter((name) => name !== "PATH"), "TMPDIR", "PWD", "OLDPWD", "SHLVL", "_"]);

export class ScriptPack implements Pack {
  readonly source: string;
  readonly commit: string | undefined;
  readonly #from: ScriptSource;
  #dir = "";

  constructor(from: ScriptSource) {
    this.source = from.source;
    this.commit = from.commit;
    this.#from = from;
  }

  key(site: BuildSite): Promise<string> {
    return this.#from.key(site);
  }

  isLocked(site: BuildSite): Promise<boolean> {
    return Promise.resolve(this.#from.isLocked?.(site) ?? false);
  }

  async detect(site: BuildSite): Promise<string | undefined> {
    await site.layOut();
    const dir = await this.#laidOut(site);
    const [output, errors] = [new Captured(DETECT_BYTES_MAX), new Captured(DETECT_BYTES_MAX)];
    const words = [SHELL, "-c", RUN, join(dir, "bin", "detect"), site.place.app];
    const status = await site.tools.run({ words, env: envOf(site), output, errors });
    if (status === 0) return (linesOf(output.text)[0] ?? this.source).slice(0, NAME_LENGTH_MAX);
    for (const line of [...linesOf(output.text), ...linesOf(errors.text)].slice(0, DETECT_LINES_MAX)) {
      site.say(`       ${line}\n`);
    }
    site.say(`       bin/detect of ${this.source} ended with ${describeStatus(status)}\n`);
    return undefined;
  }

  async compile(site: BuildSite): Promise<boolean> {
    const dir = await this.#laidOut(site);
    const cache = join(site.cacheDir, "build");
    const { env } = site.place;
    await mkdir(cache, { recursive: true });
    await mkdir(env, { recursive: true, mode: 0o700 });
    for (const [name, value] of Object.entries(await this.#from.config())) {
      await writeFile(join(env, name), value, { mode: 0o600 });
    }
    await site.tools.give(env);
    const shown = new ToolOutput((text) => site.say(text), "");
    const words = [SHELL, "-c", RUN, join(dir, "bin", "compile"), site.place.app, cache, env];
    try {
      this.#check("bin/compile", await site.tools.run({ words, env: envOf(site), output: shown }));
    } finally {
      shown.end();
    }
    if (existsSync(join(dir, "export"))) await this.#export(site, join(dir, "export"));
    return true;
  }

  async release(site: BuildSite): Promise<ReleaseFacts> {
    const program = join(await this.#laidOut(site), "bin", "release");
    if (!existsSync(program)) return { types: new Map(), configVars: {}, addons: [] };
    const [output, errors] = [new Captured(RELEASE_BYTES_MAX), new ToolOutput((text) => site.say(text), "")];
    const status = await site.tools.run({
      words: [SHELL, "-c", RUN, program, site.place.app],
      env: envOf(site),
      output,
      errors,
    });
    errors.end();
    this.#check("bin/release", status);
    if (output.isCut) throw buildFailed(`bin/release of ${this.source} prints more than 1 MiB.`);
    return parseReleaseYaml(output.text, this.source);
  }

  async #laidOut({ place, tools }: BuildSite): Promise<string> {
    if (this.#dir !== "") return this.#dir;
    await mkdir(place.buildpacks, { recursive: true });
    // Its own for each build: what it writes beside its scripts, such as `export`, stays in this one.
    const dir = await mkdtemp(join(place.buildpacks, "pack-"));
    await this.#from.layOut(dir);
    await tools.give(dir);
    return (this.#dir = dir);
  }

  async #export(site: BuildSite, file: string): Promise<void> {
    const [output, errors] = [new Captured(ENV_BYTES_MAX), new ToolOutput((text) => site.say(text), "")];
    const before = envOf(site);
    this.#check("export", await site.tools.run({ words: [SHELL, "-c", EXPORT, file], env: before, output, errors }));
    errors.end();
    const pairs = output.text.split("\0").map((line): [string, string] => {
      const at = line.indexOf("=");
      return [line.slice(0, at), line.slice(at + 1)];
    });
    const changed = pairs.filter(([name, value]) => name !== "" && !KEPT.has(name) && before[name] !== value);
    site.exported = { ...site.exported, ...Object.fromEntries(changed) };
  }

  #check(part: string, status: number | string): void {
    if (status !== 0) throw buildFailed(`${part} of ${this.source} ended with ${describeStatus(status)}.`);
  }
}

function linesOf(text: string): string[] {
  return text
    .split("\n")
    .map((line) => cleanLine(line).trim())
    .filter((line) => line !== "");
}

function envOf(site: BuildSite): Readonly<Record<string, string>> {
  return { ...scriptEnv(site.toolEnv, site.place, site.commit), ...site.exported };
}

/** The app is none of the kind that a buildpack, set by somebody, is for. */
export function notCompatible(source: string): AppError {
  return new AppError("invalid_params", `App not compatible with buildpack: ${source}`, {
    hint: "Look at what its bin/detect wants to find; `git heroku buildpacks:remove` takes it away.",
  });
}
