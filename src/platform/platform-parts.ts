/** What a platform is made of that it does not make itself. */
import type { BaseDomain } from "../core/base-domain.ts";
import type { Clock } from "../core/clock.ts";
import type { ToolEnv } from "../build/tool-env.ts";
import type { Isolation } from "../formation/isolation.ts";
import type { PortAllocator } from "../formation/ports.ts";
import type { Runtime } from "../formation/runtime.ts";
import type { LedgerKey } from "../ledger/ledger-key.ts";
import type { AddressGuard } from "../outbound/address-guard.ts";
import type { Trust } from "../outbound/trust.ts";
import type { Routing } from "../router/routing.ts";
import type { Home } from "./home.ts";
import type { Journal } from "./journal.ts";

/** Made by the program that opens the platform. */
export interface PlatformParts {
  home: Home;
  clock: Clock;
  /** Numbers in [0, 1). */
  random: () => number;
  journal: Journal;
  router: Routing;
  /** Where the Platform API listens, such as `http://127.0.0.1:5001`. */
  apiUrl: string;
  /** Where it is reached from elsewhere, such as `https://heroku.foobazco.com`, when somebody said so. */
  publicUrl?: string | undefined;
  /** The names of the spools that routers write access lines to now. */
  accessSpools: () => ReadonlySet<string>;
  runtime: Runtime;
  /** What the runtime shuts processes in with. */
  isolation: Isolation | Promise<Isolation>;
  ports: PortAllocator;
  signingKey: LedgerKey;
  /** How the repositories' hooks find the daemon. */
  hooks: HookFiles;
  /** PATH of the apps' processes and of builds. */
  processPath: string;
  /** Where the apps are reached. */
  bases: readonly BaseDomain[];
  /** What drains and webhooks have in common. */
  outbound: { trust: Trust; guard: AddressGuard; version: string };
  /** What a build tool may know of the daemon's environment: proxies, npm's registry and cache. */
  toolEnv: ToolEnv;
  /** How many builds may run at once. */
  buildsMax: number;
}

export interface HookFiles {
  /** Absolute path of the directory that holds proc-receive and post-receive. */
  dir: string;
  /** The text of `hook-env` in each repository. */
  env: string;
}
