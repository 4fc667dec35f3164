/** Reads the text form of a log, as `heroku logs` and `git heroku logs` print it:
 *  `2011-06-19T08:35:19.123456+00:00 app[web.1]: message`. */
import { COLOUR } from "./colour.ts";
import { formatStamp, type LogLine } from "./log-line.ts";

const LINE =
  /^(?<date>\d{4}-\d\d-\d\d)T(?<time>\d\d:\d\d:\d\d)(?:[.,](?<fraction>\d{1,9}))?(?<zone>Z|[+-]\d\d:?\d\d) (?<source>app|heroku)\[(?<ps>[A-Za-z0-9_.-]{1,160})\]: ?(?<msg>.*)$/s;

/** Undefined for a line of another form. Colours around the head, as `--force-colors` gives them, are left out. */
export function parseTextLine(text: string): LogLine | undefined {
  const parts = (LINE.exec(text) ?? LINE.exec(bareHead(text)))?.groups;
  if (parts === undefined) return undefined;
  const { ps = "", source, msg = "" } = parts;
  const us = microseconds(parts);
  return us === undefined ? undefined : { ts: formatStamp(us), ps, source: source === "heroku" ? source : "app", msg };
}

/** Undefined for a day or an hour that there is not, and before 1970. */
function microseconds({ date = "", time = "", fraction = "", zone = "" }: Record<string, string>): number | undefined {
  const ms = Date.parse(`${date}T${time}${zone.replace(/^(...)(\d\d)$/, "$1:$2")}`);
  return ms >= 0 ? ms * 1000 + Number(fraction.slice(0, 6).padEnd(6, "0")) : undefined;
}

/** Only the head: what the message has is its own. */
function bareHead(text: string): string {
  const end = text.indexOf("]:");
  if (end === -1 || !text.includes("\u001b")) return text;
  return text.slice(0, end + 2).replace(COLOUR, "") + text.slice(end + 2).replace(/^(?:\u001b\[[0-9;:]*m)+/, "");
}
