/** An app's own error and maintenance pages: read from its slug when its routes change, so that they are there when the
 *  app is not. */
import { open, realpath } from "node:fs/promises";
import { extname, join, sep } from "node:path";
import type { PageSetting } from "../core/setting-kinds.ts";
import type { Page } from "../router/page.ts";

const BYTES_MAX = 256 * 1024;
const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".htm": "text/html; charset=utf-8",
  ".json": "application/json",
  ".txt": "text/plain; charset=utf-8",
};

export interface PageRequest {
  /** The setting's name. */
  name: string;
  setting: PageSetting | undefined;
  /** The slug, if there is one already. */
  slugDir: string | undefined;
}

interface Found {
  key: string;
  page: Page | undefined;
}

export class Pages {
  readonly #complain: (message: string) => void;
  readonly #found = new Map<string, Found>();

  constructor(complain: (message: string) => void) {
    this.#complain = complain;
  }

  /** The page, or undefined for the router's own; a page that cannot be used is told once. */
  async find({ name, setting, slugDir }: PageRequest): Promise<Page | undefined> {
    if (setting === undefined) return undefined;
    if ("url" in setting) return { frame: setting.url };
    if (slugDir === undefined) return undefined;
    const key = `${slugDir}\0${setting.path}`;
    const known = this.#found.get(name);
    if (known?.key === key) return known.page;
    const page = await readPage(slugDir, setting.path);
    if (typeof page === "string") this.#complain(`The setting ${name}=${setting.path} has no effect: ${page}`);
    const found = { key, page: typeof page === "string" ? undefined : page };
    this.#found.set(name, found);
    return found.page;
  }
}

/** The page, or why it cannot be one. */
async function readPage(slugDir: string, path: string): Promise<Page | string> {
  const type = TYPES[extname(path).toLowerCase()];
  if (type === undefined) return `only ${Object.keys(TYPES).join(", ")} files can be pages`;
  try {
    const root = await realpath(slugDir);
    const real = await realpath(join(root, path));
    // A link in the code must not publish files of the platform.
    if (!real.startsWith(root + sep)) return "it leads out of the app";
    const file = await open(real, "r");
    try {
      const stat = await file.stat();
      if (!stat.isFile()) return "it is not a file";
      if (stat.size > BYTES_MAX) return `it is larger than ${String(BYTES_MAX / 1024)} KiB`;
      return { type, body: await file.readFile("utf8") };
    } finally {
      await file.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "the app has no such file";
    return (error as Error).message;
  }
}
