/** The Platform API in front of a platform in this process: most requests go in without a socket. */
import type { FastifyInstance, InjectOptions } from "fastify";
import { createServer } from "../../src/server/server.ts";
import { announceEvents } from "../../src/server/webhook-events.ts";
import type { DaemonControl } from "../../src/server/platform-routes.ts";
import * as assert from "uvu/assert";
import { checkAnswers } from "../support/check-answers.ts";
import { openLab, type Lab, type LabOptions } from "../platform/lab.ts";
import type { TestContext } from "../support/suite.ts";

export interface ApiAnswer {
  status: number;
  headers: Record<string, unknown>;
  // What it is is what the tests find out.
  // oxlint-disable-next-line typescript/no-explicit-any
  body: any;
}

export interface ApiLab extends Lab {
  server: FastifyInstance;
  /** Requests to stop that reached the daemon. */
  stops: { apps: boolean }[];
  ask: (
    method: NonNullable<InjectOptions["method"]>,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ) => Promise<ApiAnswer>;
}

/** A daemon's program that only counts. */
export function control(stops: { apps: boolean }[]): DaemonControl {
  return {
    version: "1.2.3",
    startedAt: Date.UTC(2026, 10, 23, 16, 20, 5, 123),
    stop: (options) => void stops.push(options),
    router: () => ({ pid: 4711, port: 5000, version: "1.2.2", startedAt: Date.UTC(2026, 10, 23, 16, 20, 4) }),
    replaceRouter: () => Promise.resolve(),
    doctor: () => Promise.resolve([{ name: "all", ok: true, level: "ok", message: "well" }]),
  };
}

export async function openApi(t: TestContext, options: LabOptions = {}): Promise<ApiLab> {
  const lab = await openLab(t, options);
  const stops: { apps: boolean }[] = [];
  announceEvents(lab.platform);
  const server = createServer(lab.platform, control(stops));
  const unlike = checkAnswers(server);
  t.after(() => server.close());
  // Of what came in by other ways.
  t.after(() => assert.equal(unlike, [], "an answer is not what its route says"));
  const ask: ApiLab["ask"] = async (method, path, body, headers = {}) => {
    const options: InjectOptions = {
      method,
      url: path,
      headers: { "git-heroku-user": "Kate Bush <kate@foobazco.com>", ...headers },
    };
    if (typeof body === "string") options.payload = body;
    else if (body !== undefined) options.payload = body as object;
    const answer = await server.inject(options);
    assert.equal(unlike.splice(0), [], `${method} ${path} does not answer as it says`);
    const isJson = String(answer.headers["content-type"]).startsWith("application/json");
    return { status: answer.statusCode, headers: answer.headers, body: isJson ? answer.json() : answer.body };
  };
  return { ...lab, server, stops, ask };
}
