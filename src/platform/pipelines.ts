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
import { StoredFile } from "./stored-file.ts";

const PIPELINES_MAX = 1000;

export class Pipelines {
  readonly #file: StoredFile<PipelineBook>;
  readonly #clock: Clock;

  private constructor(file: StoredFile<PipelineBook>, clock: Clock) {
    this.#file = file;
    this.#clock = clock;
  }

  static async open(home: Home, { clock, journal }: { clock: Clock; journal: Journal }): Promise<Pipelines> {
    const form = {
      path: home.pipelinesFile,
      empty: { pipelines: [], couplings: [] },
      parse: parsePipelines,
      format: formatPipelines,
    };
    return new Pipelines(await StoredFile.open<PipelineBook>(form, journal), clock);
  }

  list(): readonly Pipeline[] {
    return this.#file.value.pipelines;
  }

  /** By its id or its name.
   *  @throws AppError not_found */
  find(which: string): Pipeline {
    const pipeline = this.list().find(({ id, name }) => id === which || name === which);
    if (pipeline === undefined) throw notFound("pipeline", "pipeline");
    return pipeline;
  }

  couplings(): readonly Coupling[] {
    return this.#file.value.couplings;
  }

  /** @throws AppError not_found */
  coupling(id: string): Coupling {
    const coupling = this.couplings().find((one) => one.id === id);
    if (coupling === undefined) throw notFound("pipeline_coupling", "pipeline coupling");
    return coupling;
  }

  /** @param app its id
   *  @throws AppError not_found when the app is in no pipeline */
  couplingOf(app: string): Coupling {
    const coupling = this.couplings().find((one) => one.app === app);
    if (coupling === undefined) throw notFound("pipeline_coupling", "pipeline coupling");
    return coupling;
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
      checkFree(pipelines, { id, name });
      const updatedAt = this.#clock.now();
      return { pipelines: pipelines.map((one) => (one.id === id ? { ...one, name, updatedAt } : one)), couplings };
    });
    return this.find(id);
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
      if (!pipelines.some(({ id }) => id === pipeline)) throw notFound("pipeline", "pipeline");
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
    return this.coupling(id);
  }

  async uncouple(id: string): Promise<void> {
    await this.#file.change(({ pipelines, couplings }) => ({
      pipelines,
      couplings: couplings.filter((one) => one.id !== id),
    }));
  }
}

function checkFree(pipelines: readonly Pipeline[], { id, name }: Pick<Pipeline, "id" | "name">): void {
  if (pipelines.every((one) => one.id === id || one.name !== name)) return;
  throw new AppError("invalid_params", `There is a pipeline ${name} already.`, { hint: "Choose another name." });
}

function notFound(resource: string, words: string): AppError {
  return new AppError("not_found", `Couldn't find that ${words}.`, { resource });
}

function isCoupled(): AppError {
  return new AppError("invalid_params", "That app is in a pipeline already.", {
    hint: "Take it out first: heroku pipelines:remove",
  });
}

function tooMany(): AppError {
  return new AppError("invalid_params", `There are ${String(PIPELINES_MAX)} pipelines already.`);
}
