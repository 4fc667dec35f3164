/** What a person tells the router by the environment: `GIT_HEROKU_BASE_DOMAINS` and `GIT_HEROKU_TRUSTED_PROXIES`. Kept in
 *  `router-settings.json`, because the daemon is started by whatever needs it, which may know nothing of them. */
import { isIP } from "node:net";
import { LOCALHOST, parseBaseDomains, type BaseDomain } from "../core/base-domain.ts";
import { AppError } from "../core/error.ts";
import { formatJson } from "../core/json.ts";
import { readIfThere, writeDurably } from "../ledger/durable-file.ts";
import type { Home } from "../platform/home.ts";
import type { Journal } from "../platform/journal.ts";
import type { RouterSettings } from "../router/settings.ts";

type Environment = Readonly<Record<string, string | undefined>>;

export interface RouterChoice {
  bases: readonly BaseDomain[];
  settings: Pick<RouterSettings, "baseDomains" | "trustedProxies">;
}

type Texts = Record<"baseDomains" | "trustedProxies", string>;

/** An empty variable goes back to the default.
 *  @throws AppError invalid_params */
export async function chooseRouterSettings(home: Home, journal: Journal, env: Environment): Promise<RouterChoice> {
  const before = await remembered(home);
  const texts: Texts = {
    baseDomains: env["GIT_HEROKU_BASE_DOMAINS"] ?? before.baseDomains,
    trustedProxies: env["GIT_HEROKU_TRUSTED_PROXIES"] ?? before.trustedProxies,
  };
  const bases = texts.baseDomains === "" ? [LOCALHOST] : parseBaseDomains(texts.baseDomains);
  const settings = { baseDomains: bases.map(({ name }) => name), trustedProxies: parseProxies(texts.trustedProxies) };
  if (formatJson(texts) !== formatJson(before)) await remember(home, journal, texts);
  return { bases, settings };
}

function parseProxies(text: string): string[] {
  if (text.trim() === "") return [];
  return text.split(",").map((item) => {
    const address = item.trim();
    if (isIP(address) !== 0) return address;
    throw new AppError("invalid_params", `${JSON.stringify(address.slice(0, 60))} is not an IP address.`, {
      hint: "Write GIT_HEROKU_TRUSTED_PROXIES=127.0.0.1, with commas between several.",
    });
  });
}

async function remembered(home: Home): Promise<Texts> {
  const texts: Texts = { baseDomains: "", trustedProxies: "" };
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
