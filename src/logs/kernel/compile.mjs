/** Compiles the kernel of the log into src/logs/kernel-code.ts (`npm run kernel`). The result is kept in git, so that nobody
 *  needs the compiler to build the product; a test says when the two do not belong together. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const COMPILER = "assemblyscript@0.28.20";
const source = fileURLToPath(new URL("log-kernel.ts", import.meta.url));
const target = fileURLToPath(new URL("../kernel-code.ts", import.meta.url));
const dir = mkdtempSync(join(tmpdir(), "kernel-"));
const wasm = join(dir, "kernel.wasm");
const options = "-O3 --enable simd --runtime stub --noAssert --initialMemory 32 --maximumMemory 32 --memoryBase 0";
const asc = ["--yes", "-p", COMPILER, "--", "asc", source, ...options.split(" "), "-o", wasm];
const { status } = spawnSync("npx", asc, { stdio: "inherit" });
if (status !== 0) process.exit(status ?? 1);
const sum = createHash("sha256").update(readFileSync(source)).digest("hex");
const code = readFileSync(wasm).toString("base64");
rmSync(dir, { recursive: true });
writeFileSync(
  target,
  `/** logs/kernel/log-kernel.ts as WebAssembly, made by \`npm run kernel\`. */
export const KERNEL_SOURCE_SHA256 = "${sum}";
export const KERNEL_CODE =
  "${code}";
`,
);
