/** A text on the whole terminal that changes in place. Each picture is written in one piece over the one before, so that nothing
 *  flickers; what was on the terminal comes back at the end, whatever ends it. */
import { setTimeout as sleep } from "node:timers/promises";
import type { OutputStream } from "./terminal.ts";
import { neutralise } from "../core/terminal-text.ts";

const ENTER = "\u001b[?1049h\u001b[?25l\u001b[2J";
const LEAVE = "\u001b[?25h\u001b[?1049l";
const HOME = "\u001b[H";
const REST_OF_LINE = "\u001b[K";
const REST_OF_SCREEN = "\u001b[J";
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
const FALLBACK_SIZE = { columns: 80, rows: 24 };

/** Resolves when somebody presses Ctrl-C, with the last picture.
 *  @param draw the text of now; asked again when it was shown for `intervalMs`. */
export async function showLive(stream: OutputStream, draw: () => Promise<string>, intervalMs: number): Promise<string> {
  const over = new AbortController();
  const end = (): void => over.abort();
  for (const signal of SIGNALS) process.on(signal, end);
  let text = "";
  try {
    stream.write(ENTER);
    while (!over.signal.aborted) {
      text = await draw();
      stream.write(picture(text, stream));
      await sleep(intervalMs, undefined, { signal: over.signal }).catch(() => undefined);
    }
  } finally {
    stream.write(LEAVE);
    for (const signal of SIGNALS) process.off(signal, end);
  }
  return text;
}

/** Cut to the terminal: a line that wraps would move all others. */
function picture(text: string, stream: OutputStream): string {
  // A terminal that nobody has told its size says 0.
  const columns = stream.columns || FALLBACK_SIZE.columns;
  const rows = stream.rows || FALLBACK_SIZE.rows;
  const lines = neutralise(text, false).trimEnd().split("\n");
  const shown =
    lines.length <= rows ? lines : [...lines.slice(0, rows - 1), `… ${String(lines.length - rows + 1)} more`];
  const cells = shown.map((line) => Array.from(line).slice(0, columns).join("") + REST_OF_LINE);
  return HOME + cells.join("\n") + REST_OF_SCREEN;
}
