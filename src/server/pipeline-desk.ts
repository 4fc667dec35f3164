/** What one person has to do with the pipelines of a platform. */
import type { FastifyRequest } from "fastify";
import type { Need } from "../core/access.ts";
import { AppError } from "../core/error.ts";
import type { Coupling, Pipeline } from "../core/pipeline.ts";
import { enterApp, visibleApps } from "../platform/access.ts";
import type { App } from "../platform/app.ts";
import { noCoupling, noPipeline, type Pipelines } from "../platform/pipelines.ts";
import type { Platform } from "../platform/platform.ts";
import type { Visitor } from "../platform/visitor.ts";

export type DeskFor = (request: FastifyRequest) => Promise<Desk>;

/** The pipelines, as one person may see and change them: those that they have made, and those of apps that they may see. Of
 *  other apps they hear nothing. */
export class Desk {
  readonly #platform: Platform;
  readonly #visitor: Visitor;
  readonly #book: Pipelines;
  readonly #apps: ReadonlyMap<string, App>;

  private constructor(platform: Platform, visitor: Visitor, book: Pipelines, apps: readonly App[]) {
    this.#platform = platform;
    this.#visitor = visitor;
    this.#book = book;
    this.#apps = new Map(apps.map((app) => [app.id, app]));
  }

  static async of(platform: Platform, visitor: Visitor, book: Pipelines): Promise<Desk> {
    return new Desk(platform, visitor, book, await visibleApps(platform, visitor));
  }

  pipelines(): Pipeline[] {
    const coupled = new Set(this.couplings().map(({ pipeline }) => pipeline));
    return this.#book.list().filter((one) => this.#isOwn(one) || coupled.has(one.id));
  }

  #isOwn({ owner }: Pipeline): boolean {
    return this.#visitor.isAdmin || owner === this.#visitor.actor.by.email;
  }

  /** By its id or its name.
   *  @throws AppError not_found */
  pipeline(which: string): Pipeline {
    const pipeline = this.pipelines().find(({ id, name: called }) => id === which || called === which);
    if (pipeline === undefined) throw noPipeline();
    return pipeline;
  }

  /** One that may be changed.
   *  @throws AppError not_found, or forbidden for somebody else's */
  own(which: string): Pipeline {
    const pipeline = this.pipeline(which);
    if (this.#isOwn(pipeline)) return pipeline;
    throw new AppError("forbidden", `${pipeline.name} is somebody else's pipeline.`, {
      hint: "Its owner may rename and remove it; the apps in it are changed by whoever may operate them.",
    });
  }

  couplings(): Coupling[] {
    return this.#book.couplings().filter(({ app }) => this.#apps.has(app));
  }

  /** @throws AppError not_found */
  coupling(id: string): Coupling {
    const coupling = this.couplings().find((one) => one.id === id);
    if (coupling === undefined) throw noCoupling();
    return coupling;
  }

  /** @throws AppError not_found when the app is in no pipeline */
  couplingOf(app: App): Coupling {
    const coupling = this.couplings().find((one) => one.app === app.id);
    if (coupling === undefined) throw noCoupling();
    return coupling;
  }

  /** @throws AppError not_found, forbidden */
  app(which: string, need: Need): Promise<App> {
    return enterApp(this.#platform, this.#visitor, which, need);
  }

  /** @throws AppError not_found, forbidden, or invalid_params for an app that is not in it */
  async member(pipeline: string, which: string, need: Need): Promise<App> {
    const app = await this.app(which, need);
    if (this.couplings().some((one) => one.app === app.id && one.pipeline === pipeline)) return app;
    throw new AppError("invalid_params", `${app.name} is not in that pipeline.`, {
      hint: "Add it: heroku pipelines:add, or promote without a pipeline: git heroku promote",
    });
  }
}
