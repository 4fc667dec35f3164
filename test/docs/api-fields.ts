/** Schemas as docs/api.md shows them: the type of a field in a few words, and the fields of an object as a table. */
import { OBJECTS } from "../../src/server/answers.ts";
import { oid, time, uuid, type Schema } from "../../src/server/schema-words.ts";

/** What a schema may say, of ours and of those that check bodies. */
interface Words {
  type?: string | readonly string[];
  enum?: readonly string[];
  pattern?: string;
  anyOf?: readonly Schema[];
  properties?: Readonly<Record<string, Schema>>;
  required?: readonly string[];
  additionalProperties?: boolean | Schema;
  items?: Schema;
  description?: string;
  maxItems?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
}

const headings = new Map<Schema, string>(Object.entries(OBJECTS).map(([name, schema]) => [schema, headingOf(name)]));
const PATTERNS = new Map(
  [time, uuid, oid].map((one, index) => [one["pattern"], ["time", "uuid", "git object"][index]]),
);

/** `appSetup` → `App setup` */
export function headingOf(name: string): string {
  const words = name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return `${words[0]?.toUpperCase() ?? ""}${words.slice(1)}`;
}

/** All that have a name of their own and are somewhere inside, or are it. */
export function objectsIn(schema: Schema, isTop = true): Schema[] {
  const { anyOf = [], properties = {}, items } = schema as Words;
  const inside = [...anyOf, ...Object.values(properties), ...(items === undefined ? [] : [items])];
  const itself = headings.has(schema) ? [schema] : [];
  // What is in an object with a name belongs to it.
  return itself.length > 0 && !isTop ? itself : [...itself, ...inside.flatMap((one) => objectsIn(one, false))];
}

/** `[release](#release)`, `list of string`, `time or null` */
export function typeOf(schema: Schema): string {
  const heading = headings.get(schema);
  if (heading !== undefined) return `[${heading.toLowerCase()}](#${heading.toLowerCase().replaceAll(" ", "-")})`;
  const { enum: words, anyOf } = schema as Words;
  if (anyOf !== undefined && !Object.hasOwn(schema, "type")) return [...new Set(anyOf.map(typeOf))].join(" or ");
  if (words !== undefined) return words.map((word) => `\`${word}\``).join(", ");
  const { type = "" } = schema as Words;
  return [type]
    .flat()
    .map((one) => typeWord(one, schema))
    .join(" or ");
}

function typeWord(type: string, schema: Words): string {
  if (type === "string")
    return (
      PATTERNS.get(schema.pattern) ?? `string${schema.maxLength === undefined ? "" : ` ≤ ${String(schema.maxLength)}`}`
    );
  if (type === "integer") return `integer${boundsOf(schema)}`;
  if (type === "array") return listWord(schema);
  return type === "object" ? objectWord(schema) : type;
}

function boundsOf({ minimum, maximum }: Words): string {
  if (maximum !== undefined) return ` ${String(minimum ?? 0)} to ${String(maximum)}`;
  return minimum === undefined ? "" : ` ≥ ${String(minimum)}`;
}

function listWord({ items, maxItems }: Words): string {
  if (maxItems === 0) return "empty list";
  return items === undefined ? "list" : `list of ${typeOf(items)}`;
}

function objectWord({ properties, additionalProperties }: Words): string {
  if (properties !== undefined) return `\`{${Object.keys(properties).join(", ")}}\``;
  if (typeof additionalProperties === "object") return `map of ${typeOf(additionalProperties)}`;
  return additionalProperties === false ? "`{}`" : "object";
}

/** What is said of fields that are always there, or of those that may be missing. */
export interface Mark {
  always?: string;
  sometimes?: string;
}

/** All fields, as a table, or in a line where there is little to say. Those without a description that are of one type share a
 *  row. Nothing for what has no fields. */
export function fieldText(schema: Schema, mark: Mark): string {
  const { base, own } = beyond(schema);
  const nulls: string[] = [];
  const rows = rowsOf(own, mark, { prefix: "", nulls });
  return [
    ...(base === undefined ? [] : [`What a ${typeOf(base)} has, and:`]),
    ...(rows.length === 0
      ? []
      : [isLittle(rows) ? inLine(rows) : table(["field", "type", "what it is"], rows).join("\n")]),
    ...(nulls.length === 0 ? [] : [`Always null: ${nulls.join(", ")}.`]),
  ].join("\n\n");
}

function isLittle(rows: readonly string[][]): boolean {
  return rows.length < 3 || rows.every(([, , description]) => description === "");
}

function inLine(rows: readonly string[][]): string {
  const parts = rows.map(([names = "", type = "", description = ""]) =>
    description === "" ? `${names}: ${type}` : `${names}: ${type} (${description})`,
  );
  return `${parts.join("; ")}.`;
}

/** An object that has all fields of another one with a name, and more of its own. */
function beyond(schema: Schema): { base: Schema | undefined; own: Schema } {
  const { properties = {} } = schema as Words;
  const base = Object.values(OBJECTS).find((one) => one !== schema && isWithin((one as Words).properties, properties));
  if (base === undefined) return { base, own: schema };
  const { properties: known = {} } = base as Words;
  const more = Object.entries(properties).filter(([name, field]) => known[name] !== field);
  return { base, own: { ...schema, properties: Object.fromEntries(more) } };
}

const FIELDS_SHARED_MIN = 8;

function isWithin(some: Words["properties"] = {}, all: Words["properties"] = {}): boolean {
  const entries = Object.entries(some);
  return entries.length >= FIELDS_SHARED_MIN && entries.every(([name, field]) => name in all && all[name] === field);
}

interface Place {
  prefix: string;
  /** Takes the names of fields that are always null. */
  nulls: string[];
}

/** Names, type, description. First those of which there is nothing to say, then each other one with what is in it. */
function rowsOf(schema: Schema, mark: Mark, { prefix, nulls }: Place): string[][] {
  const { properties = {}, required = [] } = schema as Words;
  const shared = new Map<string, string[]>();
  const own: string[][] = [];
  for (const [name, field] of Object.entries(properties)) {
    const { description = "" } = field as Words;
    const path = `\`${prefix}${name}\``;
    const inner = opened(field);
    const said = required.includes(name) ? mark.always : mark.sometimes;
    const type = inner === undefined ? typeOf(field) : typeOf(field).replace(/`\{.*\}`/, "object");
    const told = said === undefined ? type : `${type}, ${said}`;
    if (type === "null") nulls.push(description === "" ? path : `${path} (${description})`);
    else if (description === "" && inner === undefined) shared.set(told, [...(shared.get(told) ?? []), path]);
    else own.push([path, told, description]);
    if (inner !== undefined)
      own.push(...rowsOf(inner, mark, { prefix: `${prefix}${name}${isList(field) ? "[]" : ""}.`, nulls }));
  }
  return [...[...shared].map(([type, paths]) => [paths.join(", "), type, ""]), ...own];
}

/** The object in a field whose own fields have rows of their own: where something is to be said of one. */
function opened(field: Schema): Schema | undefined {
  const { anyOf = [], items, properties } = field as Words;
  if (headings.has(field)) return undefined;
  if (properties !== undefined) return Object.values(properties).some(isTelling) ? field : undefined;
  return [...anyOf, ...(items === undefined ? [] : [items])].map(opened).find((one) => one !== undefined);
}

function isTelling(field: Schema): boolean {
  return (field as Words).description !== undefined || opened(field) !== undefined || !isShort(field);
}

/** Whether a name says enough of it. */
function isShort(field: Schema): boolean {
  return !/`\{.*\}`/.test(typeOf(field)) && !/\bmap\b/.test(typeOf(field));
}

function isList(field: Schema): boolean {
  const { type, anyOf = [] } = field as Words;
  return [type].flat().includes("array") || anyOf.some(isList);
}

/** As prettier lays tables out. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(3, ...all.map((row) => (row[column] ?? "").length)));
  const line = (cells: readonly string[]): string =>
    `| ${widths.map((width, column) => pad(cells[column] ?? "", width)).join(" | ")} |`;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)];
}

function pad(text: string, width: number): string {
  return text + " ".repeat(width - text.length);
}
