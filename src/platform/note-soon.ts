/** note-soon: brings the notes of an app up to its newest release, a moment after a launch so that it stands in nobody's
 *  way. What a crash prevents is done after the launch at the next start. */
import type { App } from "./app.ts";
import type { Platform } from "./platform.ts";

/** Several releases in a row are noted in one go. An app that is closing does not wait. */
const DELAY_MS = 1_000;

export function noteSoon(platform: Platform, app: App): void {
  // One that waits behind a running one will see everything that is there now.
  if (app.isEnding || app.notings.length > 1) return;
  void app.notings.run(async () => {
    await platform.clock.sleep(DELAY_MS, app.ending);
    await app.ledger.notes
      .catchUp()
      .catch((error: unknown) => platform.journal.fault(`noting releases of ${app.name}`, error));
  });
}
