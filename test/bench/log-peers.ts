/** The programs that the log is compared with. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";

export function isThere(program: string): boolean {
  return spawnSync("sh", ["-c", `command -v ${program}`]).status === 0;
}

/** The number that a command of bash prints. */
export async function shell(command: string, env: NodeJS.ProcessEnv = process.env): Promise<number> {
  const child = spawn("bash", ["-c", command], { stdio: ["ignore", "pipe", "inherit"], env });
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
  await once(child, "close");
  return Number(text.trim());
}
