/** The daemon's half of git's proc-receive protocol (githooks(5), "proc-receive"), version 1: git offers its
 *  capabilities, then sends commands and push options; we answer `ok` or `ng` for every command. */
import type { Readable, Writable } from "node:stream";
import { encodePacket, FLUSH, FLUSH_PACKET, PacketDecoder } from "./pkt-line.ts";

export interface RefUpdate {
  /** Object ids; all zeros where the ref did not or will not exist. */
  old: string;
  new: string;
  ref: string;
}

export type RefResult = { ref: string; ok: true } | { ref: string; ok: false; reason: string };

export interface ReceiveRequest {
  commands: RefUpdate[];
  pushOptions: string[];
  /** The client asked for all refs or none; the other refs of the push are not listed here. */
  atomic: boolean;
}

const COMMANDS_MAX = 1_000;
const PUSH_OPTIONS_MAX = 1_000;
const REASON_LENGTH_MAX = 200;
const COMMAND = /^([0-9a-f]{40}|[0-9a-f]{64}) ([0-9a-f]{40}|[0-9a-f]{64}) (.+)$/;

/** Shakes hands and reads the whole request.
 *  @throws Error when the peer goes away or does not speak version 1. */
export async function readRequest(input: Readable, output: Writable): Promise<ReceiveRequest> {
  const packets = new PacketReader(input);
  try {
    const capabilities = parseGreeting(await packets.section(1));
    const known = ["push-options", "atomic"].filter((name) => capabilities.has(name));
    output.write(encodePacket(`version=1\0${known.join(" ")}\n`) + FLUSH);
    const commands = (await packets.section(COMMANDS_MAX)).map(parseCommand);
    const pushOptions = capabilities.has("push-options") ? await packets.section(PUSH_OPTIONS_MAX) : [];
    return { commands, pushOptions, atomic: capabilities.has("atomic") };
  } finally {
    packets.release();
  }
}

/** The report, complete. Every command gets one answer: the given one, or a refusal where none was given. */
export function formatReport(commands: readonly RefUpdate[], results: readonly RefResult[]): string {
  const lines = commands.map(({ ref }) => {
    const result = results.find((candidate) => candidate.ref === ref);
    if (result?.ok === true) return `ok ${ref}\n`;
    return `ng ${ref} ${cleanReason(result?.reason ?? "the platform gave no answer")}\n`;
  });
  return lines.map(encodePacket).join("") + FLUSH;
}

function cleanReason(reason: string): string {
  const line = reason.replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ").trim();
  return line.slice(0, REASON_LENGTH_MAX) || "refused";
}

function parseGreeting(packets: string[]): Set<string> {
  const [version, capabilities = ""] = (packets[0] ?? "").split("\0");
  if (version !== "version=1") throw new Error(`git speaks ${JSON.stringify(version)} of proc-receive.`);
  return new Set(capabilities.split(" ").filter((name) => name !== ""));
}

function parseCommand(packet: string): RefUpdate {
  const match = COMMAND.exec(packet);
  if (match?.[1] === undefined || match[2] === undefined || match[3] === undefined) {
    throw new Error("git sent a malformed command.");
  }
  return { old: match[1], new: match[2], ref: match[3] };
}

/** Packets of a stream, section by section; a section ends with a flush. */
class PacketReader {
  readonly #input: Readable;
  readonly #decoder = new PacketDecoder();
  #queue: (string | typeof FLUSH_PACKET)[] = [];
  #failure: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(input: Readable) {
    this.#input = input;
    input.on("data", this.#onData).on("end", this.#onEnd).on("error", this.#onEnd).on("close", this.#onEnd);
  }

  async section(packetsMax: number): Promise<string[]> {
    const packets: string[] = [];
    for (;;) {
      const packet = await this.#next();
      if (packet === FLUSH_PACKET) return packets;
      packets.push(packet);
      if (packets.length > packetsMax) throw new Error("git sent too many packets.");
    }
  }

  /** Stops listening; the stream goes on flowing, so that its end is still noticed. */
  release(): void {
    this.#input.off("data", this.#onData).off("end", this.#onEnd).off("error", this.#onEnd).off("close", this.#onEnd);
    this.#input.resume();
  }

  async #next(): Promise<string | typeof FLUSH_PACKET> {
    for (;;) {
      const packet = this.#queue.shift();
      if (packet !== undefined) return packet;
      if (this.#failure !== undefined) throw this.#failure;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  readonly #onData = (bytes: Buffer): void => {
    try {
      this.#queue.push(...this.#decoder.push(bytes));
    } catch (error) {
      this.#failure = error as Error;
    }
    this.#wake?.();
  };

  readonly #onEnd = (): void => {
    this.#failure ??= new Error("The push ended before its request was complete.");
    this.#wake?.();
  };
}
