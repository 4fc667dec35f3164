/** The files at the root of a tree, by which is decided what kind of app it is before anything is built. */
import { AppError } from "../core/error.ts";
import { parseProcfile, type Procfile } from "../core/procfile.ts";
import type { TreeFile } from "./git.ts";

/** Reads a regular file of the root by its name. */
export type ReadRootFile = (name: string) => Promise<string>;

/** The largest lockfiles in use have about 5 MB. */
const FILE_BYTES_MAX = 10 * 1024 * 1024;

export class RootFiles {
  /** Of the whole tree. */
  readonly all: readonly TreeFile[];
  readonly #root: ReadonlyMap<string, TreeFile>;
  readonly #read: ReadRootFile;

  constructor(files: readonly TreeFile[], read: ReadRootFile) {
    this.all = files;
    this.#root = new Map(files.filter(({ path }) => !path.includes("/")).map((file) => [file.path, file]));
    this.#read = read;
  }

  get names(): string[] {
    return [...this.#root.keys()];
  }

  /** Directories of the root too. */
  get topNames(): string[] {
    return [...new Set(this.all.map(({ path }) => path.split("/", 1)[0] ?? ""))];
  }

  has(name: string): boolean {
    return this.#root.has(name);
  }

  /** @throws AppError invalid_params when it is a symbolic link or far too large */
  async read(name: string): Promise<string | undefined> {
    const file = this.#root.get(name);
    if (file?.mode === "120000") {
      throw new AppError("invalid_params", `${name} is a symbolic link.`, { hint: "Commit the file itself." });
    }
    if (file !== undefined && file.sizeBytes > FILE_BYTES_MAX) {
      throw new AppError("invalid_params", `${name} is larger than 10 MiB.`);
    }
    return file === undefined ? undefined : this.#read(name);
  }

  /** The code's own Procfile, if it declares anything.
   *  @throws AppError invalid_params for a malformed one */
  async procfile(): Promise<Procfile | undefined> {
    const text = await this.read("Procfile");
    const procfile = text === undefined ? undefined : parseProcfile(text);
    return procfile === undefined || procfile.size === 0 ? undefined : procfile;
  }
}

/** No buildpack of the platform knows what to do with the app. */
export function nothingFits(root: RootFiles): AppError {
  if (root.has("Procfile")) {
    return new AppError("invalid_params", "Procfile declares no process types.", {
      hint: "Add a line such as `web: ./start --port $PORT`, commit and push again.",
    });
  }
  const misspelt = root.names.find((name) => /^procfile(\.[a-z]+)?$/i.test(name));
  return new AppError("invalid_params", "No Procfile, and no package.json or the like to detect an app by.", {
    hint:
      misspelt === undefined
        ? "Add a file named Procfile with a line such as `web: ./start --port $PORT`, or set a buildpack, and push again."
        : `Rename ${misspelt} to Procfile, commit and push again.`,
  });
}
