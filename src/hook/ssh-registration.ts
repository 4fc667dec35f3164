/** What the forced command of an SSH key (hooks/ssh-command) says first: one line of five fields with tabs between, the version
 *  of this protocol, the key's fingerprint, what is asked for, the app, git's protocol (docs/formats.md, "SSH door"). */
import type { Socket } from "node:net";

export type SshService = "api" | "git-receive-pack" | "git-upload-pack";

export interface SshRequest {
  fingerprint: string;
  service: SshService;
  /** Empty for the API. */
  app: string;
  /** `version=2`; empty when the client said nothing. */
  protocol: string;
}

const LINE =
  /^1\t(SHA256:[A-Za-z0-9+/]{43})\t(?:(api)\t\t|(git-receive-pack|git-upload-pack)\t([a-z][a-z0-9-]{0,99})\t)(version=[012])?$/;
const LINE_BYTES_MAX = 400;

/** Undefined for what is no line of this protocol. */
export function parseSshRequest(line: string): SshRequest | undefined {
  const [, fingerprint, api, git, app = "", protocol = ""] = LINE.exec(line) ?? [];
  const service = (api ?? git) as SshService | undefined;
  return fingerprint === undefined || service === undefined ? undefined : { fingerprint, service, app, protocol };
}

/** The first line, without its end; undefined when it does not come, or goes on too long. */
export function readLine(socket: Socket, signal: AbortSignal): Promise<string | undefined> {
  let text = "";
  return new Promise((resolve) => {
    const give = (line: string | undefined): void => {
      socket.off("data", onData).off("end", onEnd).off("close", onEnd);
      signal.removeEventListener("abort", onEnd);
      resolve(line);
    };
    const onEnd = (): void => give(undefined);
    const onData = (bytes: Buffer): void => {
      text += bytes.toString("latin1");
      const end = text.indexOf("\n");
      if (end >= 0) give(text.slice(0, end));
      else if (text.length > LINE_BYTES_MAX) give(undefined);
    };
    socket.on("data", onData).on("end", onEnd).on("close", onEnd);
    signal.addEventListener("abort", onEnd);
  });
}
