/** What may reach a terminal: text, tabs, line ends and, where wanted, colours. Everything else that a terminal would
 *  obey is shown instead, so that no log line or commit can move the cursor, retitle a window or turn text around. */
import { COLOUR } from "./colour.ts";

/** Control characters but tab and newline, C1, and the bidirectional overrides. */
const UNSAFE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;
const RESET = "\u001b[0m";

/** Colours of the text itself are kept, or dropped when `colours` is false. */
export function neutralise(text: string, colours: boolean): string {
  let safe = "";
  let end = 0;
  for (const match of text.matchAll(COLOUR)) {
    safe += showControls(text.slice(end, match.index)) + (colours ? match[0] : "");
    end = match.index + match[0].length;
  }
  return safe + showControls(text.slice(end));
}

/** Ends what colours a line itself has begun, so that they do not run on into the next. */
export function closeColours(line: string): string {
  return line.includes("\u001b[") && !line.endsWith(RESET) ? `${line}${RESET}` : line;
}

function showControls(text: string): string {
  return text.replace(UNSAFE, (character) => {
    const code = character.charCodeAt(0);
    if (code < 0x20) return `^${String.fromCharCode(code + 0x40)}`;
    if (code === 0x7f) return "^?";
    return code < 0x100 ? `\\x${code.toString(16)}` : `\\u${code.toString(16)}`;
  });
}
