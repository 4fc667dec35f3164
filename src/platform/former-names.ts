/** The names that apps had before. Each is a link in `repos/`, `OLD.git`, to the name that came after it, and another one in
 *  `apps/`; so they need no file of their own, and git finds the repository by them (docs/formats.md, "Home"). */
import { readdir, readlink, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { isAppName, type AppName } from "../core/app-name.ts";
import { AppError } from "../core/error.ts";
import type { Home } from "./home.ts";

const SUFFIX = ".git";

export class FormerNames {
  readonly #home: Home;
  /** Former → present name. */
  #names: ReadonlyMap<AppName, AppName> = new Map();

  constructor(home: Home) {
    this.#home = home;
  }

  /** To be called whenever links were made or removed. */
  async read(): Promise<void> {
    this.#names = await readFormerNames(this.#home);
  }

  /** Of all apps. */
  get all(): AppName[] {
    return [...this.#names.keys()];
  }

  has(name: AppName): boolean {
    return this.#names.has(name);
  }

  /** The name itself where it is no former one. */
  current(name: AppName): AppName {
    return this.#names.get(name) ?? name;
  }

  /** Sorted. */
  of(app: AppName): AppName[] {
    return [...this.#names]
      .filter(([, current]) => current === app)
      .map(([former]) => former)
      .sort();
  }

  /** The app is gone, and with it all names that it has had. */
  async remove(former: readonly AppName[]): Promise<void> {
    for (const name of former) {
      await rm(this.#home.repo(name), { force: true });
      await rm(this.#home.app(name), { force: true });
    }
    await this.read();
  }
}

/** The apps of a home by their present names, sorted. */
export async function listRepositories(home: Home): Promise<string[]> {
  const entries = await readdir(home.repos, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith(".") && entry.name.endsWith(SUFFIX))
    .map(({ name }) => name.slice(0, -SUFFIX.length))
    .sort();
}

/** Links may lead to links; those that lead nowhere are left out. */
export async function readFormerNames(home: Home): Promise<Map<AppName, AppName>> {
  const repositories = new Set(await listRepositories(home));
  const links = new Map<string, string>();
  for (const entry of await readdir(home.repos, { withFileTypes: true })) {
    const name = basename(entry.name, SUFFIX);
    if (entry.isSymbolicLink()) links.set(name, basename(await readlink(join(home.repos, entry.name)), SUFFIX));
  }
  const names = new Map<AppName, AppName>();
  for (const former of links.keys()) {
    const current = follow(links, former);
    if (repositories.has(current) && isAppName(former) && isAppName(current)) names.set(former, current);
  }
  return names;
}

function follow(links: ReadonlyMap<string, string>, name: string): string {
  let end = name;
  // No longer than there are links: somebody may have made them lead round in a circle.
  for (let step = 0; step < links.size; step += 1) end = links.get(end) ?? end;
  return end;
}

/** At start: removes what a `destroy` that was killed left of an app's former names. */
export async function sweepLinks(home: Home): Promise<void> {
  const names = await readFormerNames(home);
  for (const parent of [home.repos, home.apps]) {
    for (const entry of await readdir(parent, { withFileTypes: true })) {
      const name = parent === home.repos ? basename(entry.name, SUFFIX) : entry.name;
      if (entry.isSymbolicLink() && isAppName(name) && !names.has(name)) await rm(join(parent, entry.name));
    }
  }
}

/** @param owner what the app is called that has the name or had it before */
export function nameTaken(name: AppName, owner = name): AppError {
  const hint =
    owner === name
      ? `Choose another name, or connect this clone to the app there is: git heroku remote --app ${name}`
      : `It leads to ${owner}, which had it before, for as long as that app is there. Choose another name.`;
  const message = `Name ${name} is already taken.`;
  const discreet = new AppError("invalid_params", message, { hint: "Choose another name." });
  return new AppError("invalid_params", message, { hint, discreet });
}
