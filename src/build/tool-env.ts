/** The environment of a build. It is made up from names that are known to be needed, never inherited. */
import { existsSync, realpathSync, statSync } from "node:fs";
import { dirname, join } from "node:path";

export type ToolEnv = Readonly<Record<string, string>>;

const PASSED =
  /^(PATH|npm_config_(registry|cache|cafile|noproxy|https?_proxy|nodedir)|https?_proxy|no_proxy|NODE_EXTRA_CA_CERTS|NVM_DIR|VOLTA_HOME|ASDF_DATA_DIR|MISE_DATA_DIR|FNM_DIR|N_PREFIX)$/i;
const FALLBACK_PATH = "/usr/local/bin:/usr/bin:/bin";

/** Where packages come from and how they are reached: the only things of the daemon's environment that builds see. */
export function pickToolEnv(env: Readonly<Record<string, string | undefined>>): ToolEnv {
  return Object.fromEntries(
    Object.entries(env).filter(
      (entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== "" && PASSED.test(entry[0]),
    ),
  );
}

/** The node that runs the platform comes first, because it is the one that will run the app. */
export function toolPath(toolEnv: ToolEnv): string {
  return `${dirname(process.execPath)}:${toolEnv["PATH"] ?? FALLBACK_PATH}`;
}

/** Another text for another version of the program, without starting it; empty where the machine has none. */
export function identifyTool(program: string, path: readonly string[]): string {
  const found = path.map((directory) => join(directory, program)).find((file) => existsSync(file));
  if (found === undefined) return "";
  const file = realpathSync(found);
  const { size, mtimeMs } = statSync(file);
  return `${file} ${String(size)} ${String(mtimeMs)}`;
}

/** Heroku's name for what its builds run on, by which buildpacks choose what to fetch. */
const STACK = "heroku-24";

/** What a script of a buildpack sees: config vars only through its ENV_DIR. */
export function scriptEnv(toolEnv: ToolEnv, scratch: { home: string; tmp: string }, commit: string): ToolEnv {
  return {
    ...pickToolEnv(toolEnv),
    PATH: toolPath(toolEnv),
    HOME: scratch.home,
    TMPDIR: scratch.tmp,
    LANG: "C.UTF-8",
    STACK,
    SOURCE_VERSION: commit,
  };
}

/** `scratch` holds a home and a temporary directory that go with the build. */
export function buildEnv(toolEnv: ToolEnv, scratch: { home: string; tmp: string; npmCache: string }): ToolEnv {
  return {
    npm_config_cache: scratch.npmCache,
    ...pickToolEnv(toolEnv),
    PATH: toolPath(toolEnv),
    HOME: scratch.home,
    TMPDIR: scratch.tmp,
    LANG: "C.UTF-8",
    // As on Heroku: build scripts make what production needs, with development dependencies at hand.
    NODE_ENV: "production",
    npm_config_audit: "false",
    npm_config_fund: "false",
    npm_config_update_notifier: "false",
    npm_config_progress: "false",
  };
}
