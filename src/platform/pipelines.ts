/** The pipelines of a platform, in `pipelines.json`. An app that is destroyed keeps its place: restored, it has it again. */
import { randomUUID } from "node:crypto";
import type { Clock } from "../core/clock.ts";
import { AppError } from "../core/error.ts";
import {
  formatPipelines,
  parsePipelineName,
  parsePipelines,
  type Coupling,
  type Pipeline,
  type PipelineBook,
  type Stage,
} from "../core/pipeline.ts";
import type { Home } from "./home.ts";
import type { Journal } from "./journal.ts";
import { StoredFile, type StoredForm } from "./stored-file.ts";

const PIPELINES_MAX = 1000;

const FORM: StoredForm<PipelineBook> = {
  what: "pipelines",
  damage: "none of the pipelines is known",
  empty: { pipelines: [], couplings: [] },
  parse: parsePipelines,
  format: formatPipelines,
};

export class Pipelines {
  readonly #file: StoredFile<PipelineBook>;
  readonly #clock: Clock;

  private constructor(file: StoredFile<PipelineBook>, clock: Clock) {
    this.#file = file;
    this.#clock = clock;
  }

  static async open(home: Home, { clock, journal }: { clock: Clock; journal: Journal }): Promise<Pipelines> {
    return new Pipelines(await StoredFile.open(home.pipelinesFile, FORM, journal), clock);
  }

  list(): readonly Pipeline[] {
    return this.#file.value.pipelines;
  }

  couplings(): readonly Coupling[] {
    return this.#file.value.couplings;
  }

  /** @throws AppError invalid_params for a name that is malformed or taken */
  async create(text: string, owner: string): Promise<Pipeline> {
    const now = this.#clock.now();
    const pipeline: Pipeline = {
      id: randomUUID(),
      name: parsePipelineName(text),
      owner,
      createdAt: now,
      updatedAt: now,
    };
    await this.#file.change(({ pipelines, couplings }) => {
      if (pipelines.length >= PIPELINES_MAX) throw tooMany();
      checkFree(pipelines, pipeline);
      return { pipelines: [...pipelines, pipeline], couplings };
    });
    return pipeline;
  }

  /** @throws AppError not_found; invalid_params as `create` */
  async rename(id: string, text: string): Promise<Pipeline> {
    const name = parsePipelineName(text);
    await this.#file.change(({ pipelines, couplings }) => {
      const renamed = pipelines.find((one) => one.id === id);
      if (renamed === undefined) throw noPipeline();
      checkFree(pipelines, { ...renamed, name });
      const updatedAt = this.#clock.now();
      return { pipelines: pipelines.map((one) => (one.id === id ? { ...one, name, updatedAt } : one)), couplings };
    });
    const renamed = this.list().find((one) => one.id === id);
    if (renamed === undefined) throw noPipeline();
    return renamed;
  }

  /** Its apps stay. */
  async remove(id: string): Promise<void> {
    await this.#file.change(({ pipelines, couplings }) => ({
      pipelines: pipelines.filter((one) => one.id !== id),
      couplings: couplings.filter((one) => one.pipeline !== id),
    }));
  }

  /** @param app its id
   *  @throws AppError invalid_params for an app that is in a pipeline already */
  async couple(app: string, pipeline: string, stage: Stage): Promise<Coupling> {
    const now = this.#clock.now();
    const coupling: Coupling = { id: randomUUID(), app, pipeline, stage, createdAt: now, updatedAt: now };
    await this.#file.change(({ pipelines, couplings }) => {
      if (!pipelines.some(({ id }) => id === pipeline)) throw noPipeline();
      if (couplings.some((one) => one.app === app)) throw isCoupled();
      return { pipelines, couplings: [...couplings, coupling] };
    });
    return coupling;
  }

  /** @throws AppError not_found */
  async moveTo(stage: Stage, id: string): Promise<Coupling> {
    await this.#file.change(({ pipelines, couplings }) => {
      const updatedAt = this.#clock.now();
      return { pipelines, couplings: couplings.map((one) => (one.id === id ? { ...one, stage, updatedAt } : one)) };
    });
    const moved = this.couplings().find((one) => one.id === id);
    if (moved === undefined) throw noCoupling();
    return moved;
  }

  async uncouple(id: string): Promise<void> {
    await this.#file.change(({ pipelines, couplings }) => ({
      pipelines,
      couplings: couplings.filter((one) => one.id !== id),
    }));
  }
}

/** Of other people's nothing is said. */
function checkFree(pipelines: readonly Pipeline[], { id, name, owner }: Pick<Pipeline, "id" | "name" | "owner">): void {
  if (pipelines.every((one) => one.id === id || one.name !== name || one.owner !== owner)) return;
  throw new AppError("invalid_params", `There is a pipeline ${name} already.`, { hint: "Choose another name." });
}

export function noPipeline(): AppError {
  return new AppError("not_found", "Couldn't find that pipeline.", { resource: "pipeline" });
}

export function noCoupling(): AppError {
  return new AppError("not_found", "Couldn't find that pipeline coupling.", { resource: "pipeline_coupling" });
}

function isCoupled(): AppError {
  return new AppError("invalid_params", "That app is in a pipeline already.", {
    hint: "Take it out first: heroku pipelines:remove",
  });
}

function tooMany(): AppError {
  return new AppError("invalid_params", `There are ${String(PIPELINES_MAX)} pipelines already.`);
}
