/** What a change of an app starts from. */
import type { Release } from "../core/release.ts";
import type { App } from "./app.ts";

/** The newest succeeded release. Every app has one from its creation. */
export async function currentOf(app: App): Promise<Release> {
  const current = await app.ledger.current();
  if (current === undefined) throw new Error(`${app.name} has no release to start from`);
  return current;
}
