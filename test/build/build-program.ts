/** One build in a process of its own, for a test that kills it. Arguments: repo, appDir, commit, tree. */
import { buildSlug } from "../../src/build/build-slug.ts";
import { pickToolEnv } from "../../src/build/tool-env.ts";
import { CLOCK } from "./build-lab.ts";

const [repo = "", appDir = "", commit = "", tree = ""] = process.argv.slice(2);
const output = (text: string): void => void process.stdout.write(text);
const signal = new AbortController().signal;
await buildSlug({ repo, appDir, commit, tree, toolEnv: pickToolEnv(process.env), output, signal, clock: CLOCK });
