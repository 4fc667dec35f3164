/** The sandbox of the tools of one app's builds, where the machine has one. Of root's platform they run as the app's user, so
 *  that what the platform lays out for them has to be given to that user. */
import { lchown } from "node:fs/promises";
import { giveAll, giveOnce } from "./give-files.ts";
import type { Isolation } from "./isolation.ts";
import { sandboxUser, type Sandbox, type SandboxBuild, type SandboxUser } from "./sandbox.ts";

export class BuildSandbox {
  readonly #sandbox: Sandbox;
  readonly #user: SandboxUser | undefined;

  /** @param user of the app
   *  @param appDirectory the app's in the home
   *  @returns undefined where the machine has none */
  static of({ sandbox, users }: Isolation, user: number, appDirectory: string): BuildSandbox | undefined {
    if (sandbox === undefined) return undefined;
    return new BuildSandbox(sandbox, users ? sandboxUser(user, appDirectory) : undefined);
  }

  private constructor(sandbox: Sandbox, user: SandboxUser | undefined) {
    this.#sandbox = sandbox;
    this.#user = user;
  }

  /** The command line up to the tool. */
  words(view: Omit<SandboxBuild, "user">): Promise<string[]> {
    return this.#sandbox.buildWords({ ...view, user: this.#user });
  }

  /** Lets the tools write to a directory and all that is in it. */
  async give(directory: string): Promise<void> {
    if (this.#user !== undefined) await giveAll(directory, this.#user.id);
  }

  /** The same for one that stays from build to build. */
  async giveOnce(directory: string): Promise<void> {
    if (this.#user !== undefined) return giveOnce(directory, this.#user.id);
    // What is written to it now is the platform's: an app's user who comes later is given all of it.
    await lchown(directory, process.getuid?.() ?? 0, process.getgid?.() ?? 0);
  }
}
