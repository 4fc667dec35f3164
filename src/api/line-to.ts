/** The line to a platform by its address. What it takes elsewhere is loaded only where it is needed. */
import { isUrl, sshPlace } from "../core/platform-address.ts";
import type { Line } from "./line.ts";
import type { SshProgram } from "./ssh-line.ts";

export interface Means {
  ssh: () => Omit<SshProgram, "place">;
  /** For a URL. */
  token: (url: string) => string | undefined;
}

/** Undefined for a platform of this machine, whose home says enough. */
export function lineTo(platform: string, means: Means): Line | undefined {
  const opened = open(platform, means);
  return opened && late(opened);
}

function open(platform: string, { ssh, token }: Means): Promise<Line> | undefined {
  if (isUrl(platform))
    return import("./http-line.ts").then(({ httpLine }) => httpLine({ url: platform, token: token(platform) }));
  const place = sshPlace(platform);
  return place && import("./ssh-line.ts").then(({ sshLine }) => sshLine({ place, ...ssh() }));
}

function late(line: Promise<Line>): Line {
  return {
    ask: async (question) => (await line).ask(question),
    send: async (question, stream) => (await line).send(question, stream),
    upgrade: async (path) => (await line).upgrade(path),
  };
}
