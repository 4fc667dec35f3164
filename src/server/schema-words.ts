/** Words for the schemas of answers (JSON Schema 2020-12, as OpenAPI 3.1 has it). An object has all of its fields and no
 *  others, so that an answer and its description cannot part. */
export type Schema = Readonly<Record<string, unknown>>;
type Fields = Readonly<Record<string, Schema>>;

export const text: Schema = { type: "string" };
export const whole: Schema = { type: "integer" };
export const truth: Schema = { type: "boolean" };
/** Seconds, UTC. */
export const time: Schema = { type: "string", pattern: "^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ$" };
export const uuid: Schema = { type: "string", pattern: "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" };
/** A git object. */
export const oid: Schema = { type: "string", pattern: "^[0-9a-f]{40}$" };
export const nothing: Schema = { type: "null" };
export const empty: Schema = { type: "object", additionalProperties: false };

/** For docs/api.md and /schema: what stands there is no rule that is checked. */
export function told(schema: Schema, description: string): Schema {
  return { ...schema, description };
}

/** @param optional fields that may be left out */
export function object(fields: Fields, optional: Fields = {}): Schema {
  return {
    type: "object",
    properties: { ...fields, ...optional },
    required: Object.keys(fields),
    additionalProperties: false,
  };
}

/** The fields of an object and more. */
export function extended(base: Schema, fields: Fields, optional: Fields = {}): Schema {
  const own = base["properties"] as Fields;
  const required = base["required"] as readonly string[];
  const left = Object.entries(own).filter(([name]) => !required.includes(name));
  const kept = Object.entries(own).filter(([name]) => required.includes(name));
  return object({ ...Object.fromEntries(kept), ...fields }, { ...Object.fromEntries(left), ...optional });
}

export function list(items: Schema): Schema {
  return { type: "array", items };
}

export function emptyList(): Schema {
  return { type: "array", maxItems: 0 };
}

/** Name → value. */
export function map(values: Schema): Schema {
  return { type: "object", additionalProperties: values };
}

export function oneOf(...words: string[]): Schema {
  return { type: "string", enum: words };
}

export function orNull(schema: Schema): Schema {
  return { anyOf: [schema, nothing] };
}

export const named = object({ id: uuid, name: text });
export const times = { created_at: time, updated_at: time };
