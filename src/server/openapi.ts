/** GET /schema: the API as it describes itself (OpenAPI 3.1): the routes that there are, with the schemas that check what is
 *  sent to them and those of what they answer. */
import type { FastifyInstance, RouteOptions } from "fastify";
import { absentAnswer, answerOf, OBJECTS, type Answer } from "./answers.ts";
import { ABSENT_CHAPTER, CHAPTERS, chapterOf } from "./chapters.ts";
import { error } from "./own-schemas.ts";
import type { RouteNeed } from "./permissions.ts";
import type { Schema } from "./schema-words.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** Of what Heroku has and this platform has not. */
    absent?: boolean;
  }
  interface FastifySchema {
    /** What the route does, in a line of Markdown. */
    summary?: string;
  }
  interface FastifyInstance {
    /** All that there are, once the server is ready. */
    describedRoutes: readonly DescribedRoute[];
  }
}

export interface DescribedRoute {
  method: string;
  url: string;
  /** Undefined for a route that nobody has described, as the next one. */
  answer: Answer | undefined;
  summary: string | undefined;
  body: Schema | undefined;
  query: Schema | undefined;
  need: RouteNeed | undefined;
  isAbsent: boolean;
}

const ABSENT_SUMMARY = "Not here";
const names = new Map(
  Object.entries(OBJECTS).map(([name, schema]): [unknown, string] => [schema, name[0]?.toUpperCase() + name.slice(1)]),
);

/** Watches for routes; to be called before there are any. */
export function describeRoutes(server: FastifyInstance): void {
  const routes: DescribedRoute[] = [];
  server.decorate("describedRoutes", routes);
  server.addHook("onRoute", (route) => {
    for (const method of [route.method].flat()) if (method !== "HEAD") routes.push(describe(route, method));
  });
}

function describe({ url, schema, config }: RouteOptions, method: string): DescribedRoute {
  const isAbsent = config?.absent === true;
  return {
    method,
    url,
    answer: isAbsent ? absentAnswer(method, url) : answerOf(method, url),
    summary: schema?.summary ?? (isAbsent ? ABSENT_SUMMARY : undefined),
    body: schema?.body as Schema | undefined,
    query: schema?.querystring as Schema | undefined,
    need: config?.need,
    isAbsent,
  };
}

export function schemaRoute(server: FastifyInstance, version: () => string): void {
  let document: object | undefined;
  server.get(
    "/schema",
    { schema: { summary: "This API as [OpenAPI](https://spec.openapis.org/oas/v3.1.0) 3.1" } },
    () => (document ??= documentOf(server.describedRoutes, version())),
  );
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
    tags: [...CHAPTERS, ABSENT_CHAPTER].map(({ title }) => ({ name: title })),
    paths,
    components: {
      schemas: Object.fromEntries(schemas) as object,
      securitySchemes: { token: { type: "http", scheme: "bearer" } },
    },
    security: [{ token: [] }],
  };
}

function operation({ url, answer = {}, summary = "", body, query, need }: DescribedRoute): object {
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
    summary: withoutLinks(summary),
    tags: [chapterOf(url)],
    // Ours: what it takes to ask.
    "x-need": need,
    ...(inPath.length + inQuery.length > 0 && { parameters: [...inPath, ...inQuery] }),
    ...(body !== undefined && { requestBody: json(body) }),
    responses: { ...responses(answer), default: { description: "An error.", ...json(error) } },
    ...(need === "open" && { security: [] }),
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
  return Object.fromEntries(
    Object.entries(schema).map(([key, value]) => [
      key,
      key === "description" && typeof value === "string" ? withoutLinks(value) : refer(value),
    ]),
  );
}

/** Links lead elsewhere in the page that it is for. */
function withoutLinks(markdown: string): string {
  return markdown.replace(/\[([^\]]+)\]\((?!https?:)[^)]+\)/g, "$1");
}
