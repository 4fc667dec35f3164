/** Holds every JSON answer of a server against the schema of its route. */
import { Ajv, type ValidateFunction } from "ajv";
import type { FastifyInstance } from "fastify";
import { absentAnswer, answerOf } from "../../src/server/answers.ts";
import { error } from "../../src/server/own-schemas.ts";
import type { Schema } from "../../src/server/schema-words.ts";

const ajv = new Ajv({ strict: false, allErrors: true });
const compiled = new Map<Schema, ValidateFunction>();

interface JsonAnswer {
  method: string;
  /** Of the route: `/apps/:app`. */
  url: string;
  status: number;
  /** Of a route for what is not here. */
  absent: boolean;
  body: string;
}

/** To be called before the server is ready.
 *  @returns what was wrong so far, which whoever reads it takes away */
export function checkAnswers(server: FastifyInstance): string[] {
  const wrong: string[] = [];
  server.addHook("onSend", (request, reply, payload, done) => {
    const { method } = request;
    const { url, config } = request.routeOptions;
    const isJson = String(reply.getHeader("content-type")).startsWith("application/json");
    const isWhole = typeof payload === "string" || Buffer.isBuffer(payload);
    if (isJson && isWhole && method !== "HEAD") {
      const about = { method, url: String(url), status: reply.statusCode, absent: config.absent === true };
      wrong.push(...faultsOf({ ...about, body: String(payload) }));
    }
    done(null, payload);
  });
  return wrong;
}

/** None or one: the route, and what is wrong. */
export function faultsOf(given: JsonAnswer): string[] {
  const { method, url, status, body } = given;
  const schema = schemaOf(given);
  const problem = schema === undefined ? "no schema" : problemOf(schema, JSON.parse(body));
  return problem === undefined ? [] : [`${method} ${url} ${String(status)}: ${problem}`];
}

function schemaOf({ method, url, status, absent }: JsonAnswer): Schema | undefined {
  if (status >= 400) return error;
  const answer = absent ? absentAnswer(method, url) : answerOf(method, url);
  return typeof answer === "object" ? answer[status === 206 ? 200 : status] : undefined;
}

function problemOf(schema: Schema, value: unknown): string | undefined {
  let validate = compiled.get(schema);
  if (validate === undefined) compiled.set(schema, (validate = ajv.compile(schema)));
  if (validate(value)) return undefined;
  return ajv.errorsText(validate.errors);
}
