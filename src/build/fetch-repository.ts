/** A bare repository in an app's cache that holds what builds fetch from elsewhere, so that a build can be done again with the
 *  same and without a network. */
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { SerialQueue } from "../core/serial-queue.ts";
import { checkOut, gitOutput, type CheckOut, type GitContext } from "./git.ts";
import { pickToolEnv, toolPath, type ToolEnv } from "./tool-env.ts";
import { cleanLine } from "./tool-output.ts";

export interface FetchContext {
  /** `cache` of the app. */
  cacheDir: string;
  toolEnv: ToolEnv;
  signal: AbortSignal;
}

const COMMIT = /^[0-9a-f]{40}$/;
const SHORT_COMMIT = /^[0-9a-f]{7,40}$/;
/** Nobody is asked for a password, nobody is waited for without end, and no program is run because of a URL's scheme. */
const FETCH_ENV = {
  GIT_TERMINAL_PROMPT: "0",
  GIT_SSH_COMMAND: "ssh -o BatchMode=yes -o ConnectTimeout=20",
  GIT_HTTP_LOW_SPEED_LIMIT: "1000",
  GIT_HTTP_LOW_SPEED_TIME: "30",
};

/** One at a time in each repository: two fetches into one may meet at its locks. */
const queues = new Map<string, SerialQueue>();

export class FetchRepository {
  readonly git: GitContext;

  /** @param own of git's environment: GIT_ALLOW_PROTOCOL at least, the protocols that may be fetched by */
  constructor(
    { cacheDir, toolEnv, signal }: FetchContext,
    name: string,
    own: { GIT_ALLOW_PROTOCOL: string; HOME?: string },
  ) {
    const env = { ...pickToolEnv(toolEnv), ...FETCH_ENV, ...own };
    this.git = { repo: join(cacheDir, name), path: toolPath(toolEnv), signal, env };
  }

  /** Runs when nothing else is fetched into it; makes it when it is not there. */
  async use<T>(work: () => Promise<T>): Promise<T> {
    const { repo } = this.git;
    let queue = queues.get(repo);
    if (queue === undefined) queues.set(repo, (queue = new SerialQueue()));
    return queue.run(async () => {
      if (!existsSync(join(repo, "HEAD"))) {
        await mkdir(repo, { recursive: true });
        await gitOutput(this.git, ["init", "--quiet", "--bare"]);
        await gitOutput(this.git, ["config", "gc.auto", "0"]);
      }
      return work();
    });
  }

  async has(oid: string): Promise<boolean> {
    return gitOutput(this.git, ["cat-file", "-e", `${oid}^{tree}`]).then(
      () => true,
      () => false,
    );
  }

  /** Gives the commit.
   *  @param own where refs keep what was fetched
   *  @throws ToolFailed */
  async pull(url: string, ref: string | undefined, own: string): Promise<string> {
    if (ref !== undefined && COMMIT.test(ref) && (await this.has(ref))) return ref;
    const fetch = ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--force"];
    const wanted = `${ref ?? "HEAD"}:${own}/wanted`;
    try {
      await gitOutput(this.git, [...fetch, "--depth=1", "--", url, wanted]);
      return (await gitOutput(this.git, ["rev-parse", `${own}/wanted^{commit}`])).toString().trim();
    } catch (error) {
      if (ref === undefined || !SHORT_COMMIT.test(ref)) throw error;
    }
    // Not every server gives a commit by its id alone.
    await gitOutput(this.git, [...fetch, "--", url, `refs/heads/*:${own}/heads/*`, `refs/tags/*:${own}/tags/*`]);
    return (await gitOutput(this.git, ["rev-parse", "--verify", `${ref}^{commit}`])).toString().trim();
  }

  /** Lays a commit or tree out. */
  async layOut(checkout: CheckOut): Promise<void> {
    await checkOut(this.git, checkout);
  }
}

/** Why git says that it failed. */
export function lastWords(said: string): string {
  const lines = said.split("\n").map(cleanLine);
  const line = lines.find((one) => /^(?:fatal|error|ERROR|tar|gzip)/.test(one)) ?? lines.find((one) => one !== "");
  return line === undefined ? "git does not say why." : line;
}
