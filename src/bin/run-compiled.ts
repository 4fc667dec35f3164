/** Runs a program with what V8 compiled of it when it was built: to compile is a third of a command's start otherwise
 *  (docs/decisions/063-code-cache.md). V8 itself refuses a cache of another version or of other flags, and compiles. */
import { readFileSync } from "node:fs";
import { Script } from "node:vm";

/** CommonJS, less what no program of ours asks for: `__dirname`. */
type Program = (exports: object, require: NodeJS.Require, module: object, filename: string) => unknown;

export function runCompiled(file: string, require: NodeJS.Require): void {
  run(loadCompiled(file), file, require);
}

export function run(script: Script, file: string, require: NodeJS.Require): void {
  const module = { exports: {} };
  const program = script.runInThisContext() as Program;
  program(module.exports, require, module, file);
}

/** The program's file is the text of one function; its cache lies beside it as `<file>.cache`. */
export function loadCompiled(file: string): Script {
  return new Script(readFileSync(file, "utf8"), { filename: file, cachedData: readCache(`${file}.cache`) });
}

function readCache(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch {
    // Not there: the program starts a little later.
    return undefined;
  }
}
