/** GET /schema: the API as it describes itself (OpenAPI 3.1): the routes that there are, with the schemas that check what is
 *  sent to them and those of what they answer. */
import type { FastifyInstance, RouteOptions } from "fastify";
import { absentAnswer, answerOf, OBJECTS, type Answer } from "./answers.ts";
import { error } from "./own-schemas.ts";
import type { Schema } from "./schema-words.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** Of what Heroku has and this platform has not. */
    absent?: boolean;
  }
}

export interface DescribedRoute {
  method: string;
  url: string;
  /** Undefined for a route that nobody has described. */
  answer: Answer | undefined;
  body: unknown;
  query: Schema | undefined;
  isOpen: boolean;
}

const names = new Map(
  Object.entries(OBJECTS).map(([name, schema]): [unknown, string] => [schema, name[0]?.toUpperCase() + name.slice(1)]),
);

/** Watches for routes; to be called before there are any.
 *  @returns those that there are */
export function describeRoutes(server: FastifyInstance): readonly DescribedRoute[] {
  const routes: DescribedRoute[] = [];
  server.addHook("onRoute", (route) => {
    for (const method of [route.method].flat()) if (method !== "HEAD") routes.push(describe(route, method));
  });
  return routes;
}

function describe({ url, schema, config }: RouteOptions, method: string): DescribedRoute {
  return {
    method,
    url,
    answer: config?.absent === true ? absentAnswer(method, url) : answerOf(method, url),
    body: schema?.body,
    query: schema?.querystring as Schema | undefined,
    isOpen: config?.need === "open",
  };
}

export function schemaRoute(server: FastifyInstance, routes: readonly DescribedRoute[], version: () => string): void {
  let document: object | undefined;
  server.get("/schema", () => (document ??= documentOf(routes, version())));
}

function documentOf(routes: readonly DescribedRoute[], version: string): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    const path = route.url.replace(/:(\w+)/g, "{$1}");
    (paths[path] ??= {})[route.method.toLowerCase()] = operation(route);
  }
  const schemas = [...names].map(([schema, name]) => [name, referInside(schema)]);
  return {
    openapi: "3.1.0",
    info: { title: "git-heroku", version },
    paths,
    components: {
      schemas: Object.fromEntries(schemas) as object,
      securitySchemes: { token: { type: "http", scheme: "bearer" } },
    },
    security: [{ token: [] }],
  };
}

function operation({ url, answer = {}, body, query, isOpen }: DescribedRoute): object {
  const inPath = [...url.matchAll(/:(\w+)/g)].map(([, name]) =>
    parameter("path", name ?? "", { type: "string" }, true),
  );
  const { properties = {}, required = [] } = (query ?? {}) as {
    properties?: Record<string, Schema>;
    required?: string[];
  };
  const inQuery = Object.entries(properties).map(([name, schema]) =>
    parameter("query", name, schema, required.includes(name)),
  );
  return {
    ...(inPath.length + inQuery.length > 0 && { parameters: [...inPath, ...inQuery] }),
    ...(body !== undefined && { requestBody: json(body) }),
    responses: { ...responses(answer), default: { description: "An error.", ...json(error) } },
    ...(isOpen && { security: [] }),
  };
}

function parameter(place: "path" | "query", name: string, schema: Schema, required: boolean): object {
  return { name, in: place, required, schema };
}

function responses(answer: Answer): object {
  if (typeof answer === "string") return { 200: { description: "A stream.", content: { [answer]: {} } } };
  return Object.fromEntries(
    Object.entries(answer).map(([status, schema]) => [status, { description: "Done.", ...json(schema) }]),
  );
}

function json(schema: unknown): object {
  return { content: { "application/json": { schema: refer(schema) } } };
}

/** Objects that have a name are referred to by it. */
function refer(schema: unknown): unknown {
  const name = names.get(schema);
  return name === undefined ? referInside(schema) : { $ref: `#/components/schemas/${name}` };
}

function referInside(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map((one: unknown) => refer(one));
  if (typeof schema !== "object" || schema === null) return schema;
  return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, refer(value)]));
}
