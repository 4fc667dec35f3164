/** What a person tells the router by the environment: `GIT_HEROKU_BASE_DOMAINS`, `GIT_HEROKU_TRUSTED_PROXIES` and
 *  `GIT_HEROKU_ROUTER_LIMITS`. Kept in `router-settings.json`, because the daemon is started by whatever needs it, which
 *  may know nothing of them. */
import { isIP } from "node:net";
import { LOCALHOST, parseBaseDomains, type BaseDomain } from "../core/base-domain.ts";
import { AppError } from "../core/error.ts";
import { formatJson } from "../core/json.ts";
import { parseSettingValue } from "../core/setting-kinds.ts";
import { readIfThere, writeDurably } from "../ledger/durable-file.ts";
import type { Home } from "../platform/home.ts";
import type { Journal } from "../platform/journal.ts";
import { DEFAULT_ROUTER_SETTINGS } from "../router/settings.ts";
import type { HomeLimits, HomeSettings } from "../router/wire.ts";

type Environment = Readonly<Record<string, string | undefined>>;

export interface RouterChoice {
  bases: readonly BaseDomain[];
  settings: HomeSettings;
}

type Texts = Record<"baseDomains" | "limits" | "trustedProxies", string>;

/** What a limit is called in `GIT_HEROKU_ROUTER_LIMITS`. */
const LIMITS = {
  drain: "drainMs",
  end: "closeMs",
  "keep-alive": "clientKeepAliveMs",
  "request-head": "requestHeadMs",
} as const satisfies Record<string, keyof HomeLimits>;

/** An empty variable goes back to the default.
 *  @throws AppError invalid_params */
export async function chooseRouterSettings(home: Home, journal: Journal, env: Environment): Promise<RouterChoice> {
  const before = await remembered(home);
  const texts: Texts = {
    baseDomains: env["GIT_HEROKU_BASE_DOMAINS"] ?? before.baseDomains,
    limits: env["GIT_HEROKU_ROUTER_LIMITS"] ?? before.limits,
    trustedProxies: env["GIT_HEROKU_TRUSTED_PROXIES"] ?? before.trustedProxies,
  };
  const bases = texts.baseDomains === "" ? [LOCALHOST] : parseBaseDomains(texts.baseDomains);
  const settings = {
    baseDomains: bases.map(({ name }) => name),
    trustedProxies: itemsOf(texts.trustedProxies).map(parseProxy),
    ...parseRouterLimits(texts.limits),
  };
  if (formatJson(texts) !== formatJson(before)) await remember(home, journal, texts);
  return { bases, settings };
}

function itemsOf(text: string): string[] {
  return text.trim() === "" ? [] : text.split(",").map((item) => item.trim());
}

function parseProxy(address: string): string {
  if (isIP(address) !== 0) return address;
  throw new AppError("invalid_params", `${JSON.stringify(address.slice(0, 60))} is not an IP address.`, {
    hint: "Write GIT_HEROKU_TRUSTED_PROXIES=127.0.0.1, with commas between several.",
  });
}

/** `drain=1m,end=10s`; what is not named has its default.
 *  @throws AppError invalid_params */
function parseRouterLimits(text: string): HomeLimits {
  const { clientKeepAliveMs, closeMs, drainMs, requestHeadMs } = DEFAULT_ROUTER_SETTINGS;
  const limits: Record<keyof HomeLimits, number> = { clientKeepAliveMs, closeMs, drainMs, requestHeadMs };
  for (const item of itemsOf(text)) {
    const [, name = "", value = ""] = /^([^=]*)=(.*)$/.exec(item) ?? [];
    const ms = parseSettingValue("duration", value);
    if (typeof ms !== "number" || !Object.hasOwn(LIMITS, name)) {
      throw new AppError("invalid_params", `${JSON.stringify(item.slice(0, 60))} is no limit of the router.`, {
        hint: `Write GIT_HEROKU_ROUTER_LIMITS=drain=1m,end=10s; limits are ${Object.keys(LIMITS).join(", ")}.`,
      });
    }
    limits[LIMITS[name as keyof typeof LIMITS]] = ms;
  }
  return limits;
}

async function remembered(home: Home): Promise<Texts> {
  const texts: Texts = { baseDomains: "", limits: "", trustedProxies: "" };
  try {
    const stored: unknown = JSON.parse((await readIfThere(home.routerSettingsFile)) ?? "{}");
    if (typeof stored !== "object" || stored === null) return texts;
    for (const name of Object.keys(texts) as (keyof Texts)[]) {
      const value = (stored as Record<string, unknown>)[name];
      if (typeof value === "string") texts[name] = value;
    }
  } catch {
    // Damaged: as if nothing had been said.
  }
  return texts;
}

/** What cannot be remembered, as on a full disk, is in force all the same. */
async function remember(home: Home, journal: Journal, texts: Texts): Promise<void> {
  try {
    await writeDurably(home.routerSettingsFile, formatJson(texts), 0o600);
  } catch (error) {
    journal.fault("writing router-settings.json", error);
  }
}
