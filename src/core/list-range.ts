/** The `Range` header of the Platform API: `version ..; max=15, order=desc`, with its several spellings (commas or
 *  semicolons between the options, a trailing semicolon, an empty value, `]` before a first value that is left out), and
 *  what it picks of a list. */
import { AppError } from "./error.ts";

export interface ListRange {
  /** The field by which the list is sorted. */
  key: string | undefined;
  max: number;
  order: "asc" | "desc";
  /** Where the list begins and ends in its order, as it stands in the header; both inclusive. */
  from: string | undefined;
  to: string | undefined;
  /** The first one is left out all the same. */
  isAfter: boolean;
}

export type RangeItem = Readonly<Record<string, unknown>>;

export interface RangePage<Item> {
  items: Item[];
  /** `id a..b`, of the first and the last one. */
  content: string | undefined;
  /** The header to ask with for the rest; undefined when there is none. */
  next: string | undefined;
}

const MAX_DEFAULT = 200;
const MAX_LIMIT = 1000;

/** @throws AppError requested_range_not_satisfiable when the header is of no known form. */
export function parseRange(header: string | undefined): ListRange {
  const range: ListRange = {
    key: undefined,
    max: MAX_DEFAULT,
    order: "asc",
    from: undefined,
    to: undefined,
    isAfter: false,
  };
  const [keyPart = "", ...options] = (header ?? "").split(/[;,]/).map((part) => part.trim());
  const keys = /^([\w-]+) +(\]?)(\S*?)\.\.(\S*)$/.exec(keyPart);
  if (keys) {
    const [, key, bracket, from, to] = keys;
    Object.assign(range, { key, isAfter: bracket === "]", from: from || undefined, to: to || undefined });
  } else if (keyPart !== "") options.unshift(keyPart);
  for (const option of options) readOption(range, option);
  return range;
}

function readOption(range: ListRange, option: string): void {
  if (option === "") return;
  const [name, value = ""] = option.split("=");
  if (name === "max" && /^\d{1,6}$/.test(value)) range.max = Math.min(MAX_LIMIT, Math.max(1, Number(value)));
  else if (name === "order" && (value === "asc" || value === "desc")) range.order = value;
  else if (!/^[\w-]+( +\.\.)?$/.test(option)) {
    throw unsatisfiable(
      `Range option ${JSON.stringify(option.slice(0, 40))} is not known.`,
      "A range looks like: version ..; max=15, order=desc",
    );
  }
}

/** Sorted by the range's field. A list whose items have it not all is given back as it is when the range names no field.
 *  @throws AppError requested_range_not_satisfiable when it names one that they have not */
export function pickRange<Item extends RangeItem>(list: readonly Item[], range: ListRange): RangePage<Item> {
  const key = range.key ?? "id";
  if (!list.every((item) => isKey(item[key]))) {
    if (range.key === undefined) return { items: [...list], content: undefined, next: undefined };
    throw unsatisfiable(`This list has no ${JSON.stringify(key.slice(0, 40))} to be sorted by.`, sortableHint(list));
  }
  const direction = range.order === "asc" ? 1 : -1;
  const sorted = list
    .filter((item) => isWithin(item[key], range, direction))
    .sort((a, b) => direction * compare(a[key], b[key]));
  const items = sorted.slice(0, range.max);
  const [first, last] = [items[0]?.[key], items.at(-1)?.[key]].map(String);
  return {
    items,
    content: items.length === 0 ? undefined : `${key} ${String(first)}..${String(last)}`,
    next: items.length === sorted.length ? undefined : nextRange({ ...range, key }, String(last)),
  };
}

function isWithin(value: unknown, { from, to, isAfter }: ListRange, direction: number): boolean {
  const sinceFrom = from === undefined ? 1 : direction * compare(value, from);
  const untilTo = to === undefined ? 1 : direction * compare(to, value);
  return (isAfter ? sinceFrom > 0 : sinceFrom >= 0) && untilTo >= 0;
}

/** Numbers as such, all else as text. */
function compare(a: unknown, b: unknown): number {
  const [left, right] = [a, b].map((value) => (typeof a === "number" || typeof b === "number" ? Number(value) : value));
  if (left === right) return 0;
  return (left as string) < (right as string) ? -1 : 1;
}

function nextRange({ key, to, max, order }: ListRange, last: string): string {
  return `${key ?? "id"} ]${last}..${to ?? ""}; max=${String(max)}, order=${order}`;
}

function isKey(value: unknown): boolean {
  return typeof value === "number" || (typeof value === "string" && /^[\x21-\x7e]+$/.test(value));
}

function sortableHint([item = {}]: readonly RangeItem[]): string {
  const names = Object.keys(item).filter((name) => isKey(item[name]));
  return names.length === 0 ? "Ask for it without a range." : `It has ${names.join(", ")}.`;
}

function unsatisfiable(message: string, hint: string): AppError {
  return new AppError("requested_range_not_satisfiable", message, { hint });
}
