/** Holds every JSON answer of a server against the schema of its route. */
import { Ajv, type ValidateFunction } from "ajv";
import type { FastifyInstance } from "fastify";
import { absentAnswer, answerOf } from "../../src/server/answers.ts";
import { error } from "../../src/server/own-schemas.ts";
import type { Schema } from "../../src/server/schema-words.ts";

const ajv = new Ajv({ strict: false, allErrors: true });
const compiled = new Map<Schema, ValidateFunction>();

/** To be called before the server is ready.
 *  @returns what was wrong so far, which whoever reads it takes away */
export function checkAnswers(server: FastifyInstance): string[] {
  const wrong: string[] = [];
  server.addHook("onSend", (request, reply, payload, done) => {
    const { url, config } = request.routeOptions;
    const isJson = String(reply.getHeader("content-type")).startsWith("application/json");
    const isWhole = typeof payload === "string" || Buffer.isBuffer(payload);
    if (isJson && isWhole && request.method !== "HEAD") {
      const schema = schemaOf(request.method, url, { status: reply.statusCode, absent: config.absent === true });
      const problem = schema === undefined ? "no schema" : problemOf(schema, JSON.parse(String(payload)));
      if (problem !== undefined) wrong.push(`${request.method} ${String(url)} ${String(reply.statusCode)}: ${problem}`);
    }
    done(null, payload);
  });
  return wrong;
}

function schemaOf(
  method: string,
  url: string | undefined,
  { status, absent }: { status: number; absent: boolean },
): Schema | undefined {
  if (status >= 400) return error;
  const answer = absent ? absentAnswer(method, url ?? "") : answerOf(method, url ?? "");
  return typeof answer === "object" ? answer[status === 206 ? 200 : status] : undefined;
}

function problemOf(schema: Schema, value: unknown): string | undefined {
  let validate = compiled.get(schema);
  if (validate === undefined) compiled.set(schema, (validate = ajv.compile(schema)));
  if (validate(value)) return undefined;
  return ajv.errorsText(validate.errors);
}
