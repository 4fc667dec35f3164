/** Where a platform is reached from elsewhere, as a person says by `GIT_HEROKU_API_URL`. Kept in `api-settings.json`, because the
 *  daemon is started by whatever needs it, which may know nothing of it. */
import { AppError } from "../core/error.ts";
import { formatJson } from "../core/json.ts";
import { isUrl, parseServer } from "../core/platform-address.ts";
import { readIfThere, writeDurably } from "../ledger/durable-file.ts";
import type { Home } from "../platform/home.ts";
import type { Journal } from "../platform/journal.ts";

/** An empty variable goes back to the loopback alone.
 *  @throws AppError invalid_params */
export async function choosePublicUrl(
  home: Home,
  journal: Journal,
  env: Readonly<Record<string, string | undefined>>,
): Promise<string | undefined> {
  const before = await remembered(home);
  const text = env["GIT_HEROKU_API_URL"] ?? before;
  const url = text === "" ? "" : parseUrl(text);
  if (url !== before) {
    // What cannot be remembered, as on a full disk, is in force all the same.
    await writeDurably(home.apiSettingsFile, formatJson({ url }), 0o600).catch((error: unknown) =>
      journal.fault("writing api-settings.json", error),
    );
  }
  return url === "" ? undefined : url;
}

function parseUrl(text: string): string {
  if (isUrl(text)) return parseServer(text);
  throw new AppError("invalid_params", `GIT_HEROKU_API_URL=${text.slice(0, 60)} is no URL.`, {
    hint: "Write it as https://heroku.foobazco.com.",
  });
}

async function remembered(home: Home): Promise<string> {
  try {
    const { url } = JSON.parse((await readIfThere(home.apiSettingsFile)) ?? "{}") as { url?: unknown };
    return typeof url === "string" ? parseUrl(url) : "";
  } catch {
    // Damaged: as if nothing had been said.
    return "";
  }
}
