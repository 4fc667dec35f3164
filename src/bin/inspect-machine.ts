/** doctor, the daemon's half: its hooks, its port, and whether each app's ledger and keys can be read. */
import { access, constants } from "node:fs/promises";
import { join } from "node:path";
import { formatVersion } from "../core/release.ts";
import { exposedPorts } from "./exposed-ports.ts";
import type { Isolation } from "../formation/isolation.ts";
import { describeIsolation } from "../formation/isolation-report.ts";
import type { HookClient } from "../hook/hook-client.ts";
import type { App } from "../platform/app.ts";
import { listDrains } from "../platform/drains.ts";
import { sharedDomains } from "../platform/domains.ts";
import type { Platform } from "../platform/platform.ts";
import { readConfig } from "../platform/set-config.ts";
import type { DoctorLine, RouterStatus } from "../server/platform-routes.ts";

/** How many releases of an app are read and checked; `releases:verify` checks all. */
const RELEASES_CHECKED = 20;

export interface Inspected {
  platform: Platform;
  client: HookClient;
  router: RouterStatus;
  /** Of the daemon. */
  version: string;
}

export async function inspectMachine(inspected: Inspected): Promise<DoctorLine[]> {
  const { platform, client } = inspected;
  return [
    inspectRouter(inspected),
    inspectApi(platform),
    ...inspectKeys(platform),
    hookClient(client),
    await hookPrograms(platform),
    ...(await exposedPorts(platform)),
    ...(await domainsOfSeveral(platform)),
    ...(await Promise.all(platform.list().map((app) => failingDrains(app)))).flat(),
    ...(await Promise.all(platform.list().map((app) => inspectApp(app)))),
    ...[...platform.unopened].map(([name, error]) => appFault(name, error)),
  ];
}

function inspectRouter({ platform, router, version }: Inspected): DoctorLine {
  const message = `${router.version} listens on ${platform.routerUrl} (pid ${String(router.pid)})`;
  if (router.version === version) return { name: "router", ok: true, level: "ok", message };
  const hint = `The platform is ${version}. Try: git heroku server:restart`;
  return { name: "router", ok: true, level: "warning", message, hint };
}

function inspectApi({ apiUrl, tokens, home }: Platform): DoctorLine {
  if (tokens.isDamaged) {
    const message = `${home.tokensFile} is damaged, so no token lets anybody in`;
    const hint = "Remove it, then: git heroku server:restart. All tokens must be made again.";
    return { name: "api", ok: false, level: "error", message, hint };
  }
  const count = tokens.list().length;
  const words = `${String(count)} ${count === 1 ? "token" : "tokens"}`;
  return { name: "api", ok: true, level: "ok", message: `listens on ${apiUrl}, for ${words}` };
}

function inspectKeys({ keys, home }: Platform): DoctorLine[] {
  if (!keys.isDamaged) return [];
  const message = `${home.keysFile} is damaged, so no SSH key lets anybody in`;
  const hint = "Mend or remove it, then: git heroku server:restart";
  return [{ name: "ssh", ok: false, level: "error", message, hint }];
}

export function inspectIsolation(isolation: Isolation): DoctorLine[] {
  return describeIsolation(isolation).map((line) => Object.assign(line, { ok: true }));
}

function hookClient(client: HookClient): DoctorLine {
  if (client === "nc") return { name: "hooks", ok: true, level: "ok", message: "pushes reach the platform through nc" };
  return {
    name: "hooks",
    ok: true,
    level: "warning",
    message: `pushes reach the platform through ${client}, which is slower than nc`,
    hint: "Install netcat-openbsd, then: git heroku server:restart",
  };
}

async function hookPrograms(platform: Platform): Promise<DoctorLine> {
  try {
    for (const hook of ["proc-receive", "post-receive"]) await access(join(platform.hooks.dir, hook), constants.X_OK);
    return { name: "hook files", ok: true, level: "ok", message: `${platform.hooks.dir} can be run` };
  } catch (error) {
    return {
      name: "hook files",
      ok: false,
      level: "error",
      message: `the hooks cannot be run: ${(error as Error).message}`,
      hint: "Install git-heroku again.",
    };
  }
}

async function domainsOfSeveral(platform: Platform): Promise<DoctorLine[]> {
  return [...(await sharedDomains(platform))].map(([domain, apps]) => ({
    name: "domains",
    ok: true,
    level: "warning",
    message: `${domain} is a domain of ${apps.join(" and ")}`,
    hint: `Only one of them can serve it: git heroku domains:remove '${domain}' --app NAME`,
  }));
}

async function failingDrains(app: App): Promise<DoctorLine[]> {
  const drains = await listDrains(app).catch(() => []);
  return drains.flatMap(({ url, status }) => {
    if (status?.fault === undefined) return [];
    const { since, error } = status.fault;
    const message = `the drain of ${app.name} to ${url} fails since ${since.slice(0, 19)}Z: ${error}`;
    const hint = `Mend its receiver, or: git heroku drains:remove TOKEN --app ${app.name}`;
    return [{ name: "drains", ok: true, level: "warning" as const, message, hint }];
  });
}

async function inspectApp(app: App): Promise<DoctorLine> {
  try {
    const releases = await app.ledger.list({ max: RELEASES_CHECKED });
    await readConfig(app);
    const newest = releases[0] === undefined ? "no release" : formatVersion(releases[0].version);
    return {
      name: app.name,
      ok: true,
      level: "ok",
      message: `ledger and config can be read, newest release ${newest}`,
    };
  } catch (error) {
    return appFault(app.name, error);
  }
}

function appFault(name: string, error: unknown): DoctorLine {
  return {
    name,
    ok: false,
    level: "error",
    message: error instanceof Error ? error.message : String(error),
    hint: "Restore the repository and its key file from a backup, then: git heroku server:restart. What runs is not affected.",
  };
}
