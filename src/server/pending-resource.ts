/** A release whose release command runs, as the Platform API shows it: `pending`. It is not in the ledger yet, so it has no object. */
import type { App, RunningPhase } from "../platform/app.ts";
import type { Links } from "./links.ts";
import { pendingId, releaseResource, type Resource } from "./resources.ts";

/** Undefined when none is pending.
 *  @param head the newest version of the ledger: one that has just been recorded is no longer pending */
export function pendingRelease(app: App, head: number): RunningPhase | undefined {
  return app.phase !== undefined && app.phase.version > head ? app.phase : undefined;
}

export function pendingResource(app: App, { version, asked }: RunningPhase, links: Links): Resource {
  const { by, via, change, description, code, rollbackTo, askedAt } = asked;
  const none = { oid: "", tree: "", parent: undefined, ledgerKey: undefined };
  const release = { ...none, version, by, via, change, description, code, rollbackTo, createdAt: askedAt };
  return {
    ...releaseResource(app, { ...release, status: "failed" }, undefined),
    id: pendingId(app, version),
    oid: null,
    output_stream_url: links.releaseOutput(app, version),
    status: "pending",
    mark: null,
  };
}
