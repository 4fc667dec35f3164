/** `git heroku doctor` */
import { findRouter } from "../../api/daemon.ts";
import type { DoctorCheck } from "../../api/resources.ts";
import { AppError } from "../../core/error.ts";
import { pad } from "../../core/text-table.ts";
import { JSON_OPTION, type Command, type Context } from "../command.ts";
import { checkMachine } from "../doctor-checks.ts";
import { findPlatform, startPlatform } from "../platform-state.ts";
import { lookIntoKernel } from "../port-table.ts";

export const doctor: Command = {
  name: "doctor",
  topic: "Platform",
  isAboutThisMachine: true,
  summary: "Check this machine and the platform",
  details:
    "Each line is ok, or says what to do. Starts the platform when it does not run. The exit status is 1 when something must be mended.",
  options: [JSON_OPTION],
  examples: [{ command: "git heroku doctor", summary: "the first thing to try when something is odd" }],
  async run(context) {
    const { out, args, world, home } = context;
    const running = await findPlatform(context).catch(() => undefined);
    const isRunning = running !== undefined;
    const portIsOurs = isRunning || (await findRouter(home)) !== undefined;
    const checks = await checkMachine({ env: world.env, home, portIsOurs, isRunning });
    checks.push(...(await lookIntoKernel(await checkPlatform(context))));
    if (args.has("json")) await out.json(checks);
    else for (const check of checks) await out.write(format(check, out.paint(pad(check.level, 8), colourOf(check))));
    return checks.some((check) => check.level === "error") ? 1 : 0;
  },
};

async function checkPlatform(context: Context): Promise<DoctorCheck[]> {
  try {
    const info = (await findPlatform(context)) ?? (await startPlatform(context));
    const message = `${info.version} runs (pid ${String(info.pid)}), ${info.router_url}`;
    return [{ name: "platform", ok: true, level: "ok", message }, ...(await context.quietClient.doctor())];
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const { message, hint } = error;
    return [{ name: "platform", ok: false, level: "error", message, ...(hint === undefined ? {} : { hint }) }];
  }
}

function colourOf({ level }: DoctorCheck): "green" | "yellow" | "red" {
  if (level === "ok") return "green";
  return level === "warning" ? "yellow" : "red";
}

function format(check: DoctorCheck, level: string): string {
  const indent = " ".repeat(9);
  const hint = check.hint === undefined ? "" : `${indent}${check.hint.replaceAll("\n", `\n${indent}`)}\n`;
  return `${level} ${check.name}: ${check.message}\n${hint}`;
}
