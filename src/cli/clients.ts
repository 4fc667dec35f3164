/** The clients of the platform that a command is about. */
import { lineTo } from "../api/line-to.ts";
import { PlatformClient } from "../api/platform-client.ts";
import { tokenFor } from "../clone/credential.ts";
import { findIdentity } from "../clone/identity.ts";
import { sshCommand } from "../clone/ssh-command.ts";
import type { World } from "./command.ts";

export interface PlatformChoice {
  /** Of the platform of this machine. */
  home: string;
  /** The address of the one that is meant. */
  platform: () => string;
  /** Starts the daemon of this machine. */
  wake?: () => Promise<void>;
  patienceMs?: number;
}

/** The second one starts no daemon. Both share a line. */
export function clients(
  world: World,
  { platform, wake, ...choice }: PlatformChoice,
): { client: PlatformClient; quietClient: PlatformClient } {
  const means = {
    ssh: () => ({ command: sshCommand(world), env: world.env }),
    token: (url: string) => tokenFor(world, url),
  };
  let found: { line: ReturnType<typeof lineTo> } | undefined;
  const options = {
    ...choice,
    identity: () => findIdentity(world),
    line: () => (found ??= { line: lineTo(platform(), means) }).line,
  };
  return {
    client: new PlatformClient(wake === undefined ? options : { ...options, wake }),
    quietClient: new PlatformClient(options),
  };
}
