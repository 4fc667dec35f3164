/** The line to a platform by its address. What it takes for one elsewhere is loaded only where it is needed. */
import { isUrl, sshPlace } from "../core/platform-address.ts";
import type { Line } from "./line.ts";
import type { SshProgram } from "./ssh-line.ts";

export interface Means {
  ssh: () => Omit<SshProgram, "place">;
  /** For a URL; undefined when nobody knows one. */
  token: () => string | undefined;
}

/** Undefined for a platform of this machine, whose home says enough. */
export function lineTo(platform: string, { ssh, token }: Means): Line | undefined {
  const place = sshPlace(platform);
  if (place !== undefined) return later(import("./ssh-line.ts").then(({ sshLine }) => sshLine({ place, ...ssh() })));
  if (isUrl(platform)) return later(import("./url-line.ts").then(({ urlLine }) => urlLine(platform, token)));
  return undefined;
}

function later(line: Promise<Line>): Line {
  return {
    ask: async (question) => (await line).ask(question),
    send: async (question, stream) => (await line).send(question, stream),
    upgrade: async (path) => (await line).upgrade(path),
  };
}
