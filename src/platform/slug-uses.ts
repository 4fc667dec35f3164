/** Which releases run on which slugs, as far as the store has them. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { formatVersion, type Release } from "../core/release.ts";
import type { SlugUse } from "../core/slug-retention.ts";
import type { Slug } from "../build/slug-store.ts";
import type { App } from "./app.ts";
import { recallBuild } from "./build-memory.ts";

/** Releases read at a time. */
const PAGE = 500;

export class SlugUses {
  readonly #app: App;
  readonly #remembered: ReadonlySet<string>;
  readonly #byTree = new Map<string, string[]>();
  readonly #byCommit = new Map<string, readonly string[]>();

  static async of(app: App, slugs: readonly Slug[]): Promise<SlugUses> {
    return new SlugUses(app, slugs, await readdir(join(app.dir, "built")).catch(() => []));
  }

  private constructor(app: App, slugs: readonly Slug[], remembered: readonly string[]) {
    this.#app = app;
    this.#remembered = new Set(remembered);
    for (const tree of new Set(slugs.map(({ id }) => treeOf(id)))) {
      const same = slugs.filter(({ id }) => treeOf(id) === tree);
      // As ensureSlug chooses where nothing is remembered.
      const own = same.filter(({ buildpacks }) => buildpacks === undefined);
      const ids = (own.length > 0 ? own : same).map(({ id }) => id);
      this.#byTree.set(tree, ids);
    }
  }

  /** From the newest release on. */
  async *newestFirst(): AsyncGenerator<SlugUse, void, undefined> {
    for (let before: number | undefined; ;) {
      const page = await this.#app.ledger.list({ max: PAGE, before });
      for (const release of page) yield this.of(release);
      if (page.length < PAGE) return;
      before = page.at(-1)?.version;
    }
  }

  async of({ version, createdAt, code, status }: Release): Promise<SlugUse> {
    const hasRun = code !== undefined && status === "succeeded";
    return { version, createdAt, slugs: hasRun ? await this.#slugs(version, code) : [] };
  }

  async #slugs(version: number, code: string): Promise<readonly string[]> {
    if (this.#remembered.has(`${formatVersion(version)}.json`)) {
      const memory = await recallBuild(this.#app, version);
      if (memory !== undefined) return [memory.slug];
    }
    const known = this.#byCommit.get(code);
    if (known !== undefined) return known;
    const slugs = this.#byTree.get((await this.#app.ledger.resolveCommit(code))?.tree ?? "") ?? [];
    this.#byCommit.set(code, slugs);
    return slugs;
  }
}

function treeOf(id: string): string {
  return id.slice(0, id.indexOf("-"));
}
