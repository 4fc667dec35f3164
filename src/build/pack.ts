/** A buildpack as a build uses it, whether it is written in this program or as scripts, and what it is given. */
import type { Procfile } from "../core/procfile.ts";
import type { RootFiles } from "./detect.ts";
import type { SiteLayers } from "./layers.ts";
import type { FirstDeploy, Workplace } from "./slug-store.ts";
import type { ToolEnv } from "./tool-env.ts";
import type { Tools } from "./tools.ts";

export interface Pack {
  /** As it is kept in the state. */
  readonly source: string;
  /** Of one from elsewhere: its commit, or its tree when it has no history. */
  readonly commit?: string | undefined;
  /** What decides its result besides the app's tree; part of a slug's id. */
  key(site: BuildSite): Promise<string>;
  /** Its name for the app, or undefined when the app is none of its kind. */
  detect(site: BuildSite): Promise<string | undefined>;
  /** True when compile will run nothing, so that no file of the app can be changed. What that needs is made sure of. */
  isPassive?(site: BuildSite): Promise<boolean>;
  /** Another compile of the same tree gives the same: what is fetched is named by the code, down to its contents. */
  isLocked(site: BuildSite): Promise<boolean>;
  /** True when anything was run, so that the directory holds more than the commit. */
  compile(site: BuildSite, place: { isLast: boolean }): Promise<boolean>;
  /** What it says of a built app, asked of the last buildpack only. */
  release(site: BuildSite): Promise<ReleaseFacts>;
}

export interface ReleaseFacts extends FirstDeploy {
  /** Process types that count where the code's Procfile has none of that name. */
  types: Procfile;
}

export interface BuildSite {
  readonly place: Workplace;
  /** Undefined where files cannot be shared with other slugs. */
  readonly layers: SiteLayers | undefined;
  /** `cache` of the app. */
  readonly cacheDir: string;
  readonly root: RootFiles;
  /** The types of the code's own Procfile. */
  readonly declared: Procfile | undefined;
  readonly toolEnv: ToolEnv;
  readonly commit: string;
  /** What buildpacks before have exported. */
  exported: Readonly<Record<string, string>>;
  /** To whoever pushes, in Heroku's words. */
  say(text: string): void;
  /** Makes sure that the code is laid out, for a program to see. */
  layOut(): Promise<void>;
  readonly tools: Tools;
}
