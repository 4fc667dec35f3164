/** What a line of a structured log says: the message within JSON or logfmt, so that errors are told apart by it and not
 *  by the keys around it. Any other line says what it is. */

const MESSAGE_KEYS = ["msg", "message", "event", "error", "err", "exception"];
const LOGFMT = /(?:^|\s)(?:msg|message|event)=("(?:[^"\\]|\\.)*"|\S+)/;
const LOGFMT_CAUSE = /(?:^|\s)(?:err|error|exception)=("(?:[^"\\]|\\.)*"|\S+)/;
/** JSON is read up to this length. */
const TEXT_MAX = 16_384;

export function errorText(text: string): string {
  if (text.startsWith("{") && text.length <= TEXT_MAX) return jsonText(text) ?? text;
  const short = text.slice(0, TEXT_MAX);
  const [message, cause] = [LOGFMT, LOGFMT_CAUSE].map((form) => bare(form.exec(short)?.[1]));
  if (message === undefined) return text;
  return cause === undefined ? message : `${message}: ${cause}`;
}

function bare(value: string | undefined): string | undefined {
  return value?.startsWith('"') === true ? value.slice(1, -1).replace(/\\(.)/g, "$1") : value;
}

function jsonText(text: string): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const parts = MESSAGE_KEYS.map((key) => textOf((value as Record<string, unknown>)[key]));
  const [message, cause] = parts.filter((part) => part !== undefined && part !== "");
  if (message === undefined) return undefined;
  return cause === undefined || cause === message ? message : `${message}: ${cause}`;
}

/** `err` is often an object with a message of its own. */
function textOf(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  if (typeof value !== "object" || value === null) return undefined;
  const { message } = value as { message?: unknown };
  return typeof message === "string" ? message : undefined;
}
