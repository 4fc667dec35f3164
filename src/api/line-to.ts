/** The line to a platform by its address. What it takes for SSH is loaded only where it is needed. */
import { sshPlace } from "../core/platform-address.ts";
import type { Line } from "./line.ts";
import type { SshProgram } from "./ssh-line.ts";

/** Undefined for a platform of this machine, whose home says enough. */
export function lineTo(platform: string, ssh: () => Omit<SshProgram, "place">): Line | undefined {
  const place = sshPlace(platform);
  if (place === undefined) return undefined;
  const line = import("./ssh-line.ts").then(({ sshLine }) => sshLine({ place, ...ssh() }));
  return {
    ask: async (question) => (await line).ask(question),
    send: async (question, stream) => (await line).send(question, stream),
    upgrade: async (path) => (await line).upgrade(path),
  };
}
