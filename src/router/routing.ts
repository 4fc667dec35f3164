/** What the platform wants of a router, in this process or another one. */
import type { AppRoute } from "./route-table.ts";
import type { Address } from "./upstream.ts";

export interface Routing {
  readonly port: number;
  /** Replaces the app's entry; in force when it has returned or resolved. */
  setApp(route: AppRoute): void | Promise<void>;
  removeApp(app: string): void | Promise<void>;
  /** Resolves true once nothing is under way to the address, false when that took longer. Take it out of its app's entry
   *  first. */
  drained(backend: Address, timeoutMs: number): Promise<boolean>;
}
