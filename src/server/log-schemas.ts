/** What is answered about logs, but for the lines themselves (docs/api.md, "Logs"). */
import { list, object, orNull, text, time, told, truth, whole } from "./schema-words.ts";

export const logCount = object({ count: whole });

const lineCounts = { counts: told(list(whole), "a number for each interval"), errors: whole, lines: whole };
const requestCounts = {
  counts: told(list(whole), "a number for each interval"),
  failed: whole,
  requests: whole,
  service_ms: told(
    orNull(object({ max: whole, p50: whole, p95: whole, p99: whole })),
    "null where no line tells a time",
  ),
};

export const logStats = object({
  by: orNull(text),
  every: told(whole, "in seconds"),
  from: told(orNull(time), "where the intervals begin; null without a line"),
  groups: told(
    list({ anyOf: [object({ name: text, ...lineCounts }), object({ name: text, ...requestCounts })] }),
    "none without `by`",
  ),
  lines: told(orNull(object(lineCounts)), "without `by` both this and `requests`"),
  other: told({ anyOf: [object(lineCounts), object(requestCounts), { type: "null" }] }, "what is in no group"),
  requests: orNull(object(requestCounts)),
  to: told(orNull(time), "where they end"),
});

export const logErrors = object({
  groups: list(
    object({
      count: whole,
      first_seen: text,
      frame: orNull(text),
      last_seen: text,
      message: text,
      new: truth,
      processes: told(list(text), "at most 20"),
      release: orNull(whole),
      shape: told(text, "the message without what differs in others of its kind"),
    }),
  ),
  total: told(object({ errors: whole, groups: whole }), "those too that are not listed"),
});

export const logSegment = object({ bytes: whole, name: text });
export const logImport = object({ bytes: whole, imported_at: text, name: text });
export const logImported = object({
  first: told(orNull(text), "stamp of the first line"),
  last: told(orNull(text), "stamp of the last line"),
  lines: whole,
  name: text,
  rejected: told(whole, "lines that were left out, because they are no log lines"),
  rejected_example: told(orNull(text), "the beginning of the first of those"),
});
