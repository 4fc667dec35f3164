/** Pipelines: apps that run the same code, one stage after the other (devcenter.heroku.com/articles/pipelines). Here they are
 *  what Heroku's client promotes along; `git heroku promote` needs none. */
import { AppError } from "./error.ts";
import { isJsonObject, type Json } from "./json.ts";

/** In the order in which code goes through them. */
export const STAGES = ["test", "review", "development", "staging", "production"] as const;
export type Stage = (typeof STAGES)[number];

export interface Pipeline {
  /** A UUID. */
  id: string;
  name: string;
  /** The address of who made it. */
  owner: string;
  /** Milliseconds since the epoch. */
  createdAt: number;
  updatedAt: number;
}

/** That an app is in a pipeline. */
export interface Coupling {
  /** A UUID. */
  id: string;
  /** The app's id, which a rename leaves as it is. */
  app: string;
  pipeline: string;
  stage: Stage;
  createdAt: number;
  updatedAt: number;
}

/** All of a platform. */
export interface PipelineBook {
  pipelines: readonly Pipeline[];
  /** An app has one at most. */
  couplings: readonly Coupling[];
}

/** Heroku's. */
const NAME = /^[a-z][a-z0-9-]{2,29}$/;

/** @throws AppError invalid_params */
export function parsePipelineName(text: string): string {
  if (NAME.test(text)) return text;
  throw new AppError("invalid_params", `${JSON.stringify(text.slice(0, 40))} is no name for a pipeline.`, {
    hint: "Use 3 to 30 lower-case letters, digits and dashes, beginning with a letter.",
  });
}

export function formatPipelines({ pipelines, couplings }: PipelineBook): Json {
  return { pipelines: pipelines.map(formatTimes), couplings: couplings.map(formatTimes) };
}

function formatTimes({ createdAt, updatedAt, ...facts }: Pipeline | Coupling): Json {
  return { ...facts, created_at: new Date(createdAt).toISOString(), updated_at: new Date(updatedAt).toISOString() };
}

/** Undefined when it is not what `formatPipelines` makes. */
export function parsePipelines(stored: Json): PipelineBook | undefined {
  if (!isJsonObject(stored)) return undefined;
  const pipelines = parseAll(stored["pipelines"], (one) => parseFacts(one, ["id", "name", "owner"]));
  const couplings = parseAll(stored["couplings"], parseCoupling);
  return pipelines === undefined || couplings === undefined ? undefined : { pipelines, couplings };
}

/** Undefined when one of them is not as it should be. */
export function parseAll<T>(list: Json | undefined, parse: (one: Json) => T | undefined): T[] | undefined {
  if (!Array.isArray(list)) return undefined;
  const parsed = list.map(parse).filter((one) => one !== undefined);
  return parsed.length === list.length ? parsed : undefined;
}

function parseCoupling(stored: Json): Coupling | undefined {
  const facts = parseFacts(stored, ["id", "app", "pipeline", "stage"]);
  const stage = STAGES.find((one) => one === facts?.stage);
  return facts === undefined || stage === undefined ? undefined : { ...facts, stage };
}

/** Texts of these names, and the times. */
export function parseFacts<K extends string>(
  stored: Json,
  names: readonly K[],
): (Record<K, string> & Pick<Pipeline, "createdAt" | "updatedAt">) | undefined {
  if (!isJsonObject(stored)) return undefined;
  const facts = names.map((name) => [name, stored[name]] as const);
  const [createdAt, updatedAt] = [parseTime(stored["created_at"]), parseTime(stored["updated_at"])];
  if (Number.isNaN(createdAt + updatedAt) || !facts.every(([, fact]) => typeof fact === "string")) return undefined;
  return { ...(Object.fromEntries(facts) as Record<K, string>), createdAt, updatedAt };
}

/** NaN for what is no time. */
function parseTime(value: Json | undefined): number {
  return typeof value === "string" ? Date.parse(value) : NaN;
}
