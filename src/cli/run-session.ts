/** Joins this program's input and outputs to those of a one-off process, as frames (core/run-frames.ts) over a connection,
 *  until the process has ended. */
import { once } from "node:events";
import type { Duplex } from "node:stream";
import { AppError } from "../core/error.ts";
import { encodeFrame, FRAME, FrameReader, formatSize, type TerminalSize } from "../core/run-frames.ts";
import type { World } from "./command.ts";
import { Interruption, signalStatus } from "./interruption.ts";
import { RawTerminal } from "./raw-terminal.ts";
import type { OutputStream } from "./terminal.ts";

export interface RunSession {
  readonly world: World;
  /** `run.3` */
  readonly ps: string;
  readonly connection: Duplex;
  readonly hasTerminal: boolean;
}

/** Of a terminal that nobody has told its size. */
const USUAL_SIZE: TerminalSize = { columns: 80, rows: 24 };

export function terminalSize({ columns, rows }: OutputStream): TerminalSize {
  return { columns: columns || USUAL_SIZE.columns, rows: rows || USUAL_SIZE.rows };
}

/** Resolves with the exit status of the process, or with a shell's status for the signal that ended the session.
 *  @throws AppError unavailable when the connection is lost. */
export async function joinRun(session: RunSession): Promise<number> {
  const { world, connection, hasTerminal } = session;
  connection.on("error", () => undefined);
  const interruption = new Interruption();
  const terminal = hasTerminal ? await RawTerminal.enter(world.stdin) : undefined;
  const stopSizes = hasTerminal ? tellSizes(session) : (): void => undefined;
  obeySignals(session, interruption);
  void sendInput(session);
  try {
    const status = await showOutput(session);
    if (status !== undefined) return status;
  } finally {
    stopSizes();
    terminal?.leave();
    connection.destroy();
    interruption.close();
    world.stdin.destroy?.();
  }
  if (interruption.signal !== undefined) return signalStatus(interruption.signal);
  throw new AppError("unavailable", `The connection to ${session.ps} was lost.`, {
    hint: `What it did is told by: git heroku logs --ps ${session.ps}`,
  });
}

/** Undefined when the connection ends before the process. */
async function showOutput({ connection, world }: RunSession): Promise<number | undefined> {
  const reader = new FrameReader();
  try {
    for await (const chunk of connection as AsyncIterable<Buffer>) {
      for (const { kind, payload } of reader.read(chunk)) {
        if (kind === FRAME.stdout) await give(world.stdout, payload);
        else if (kind === FRAME.stderr) await give(world.stderr, payload);
        else if (kind === FRAME.exit) return readStatus(payload);
      }
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EPIPE") throw error;
  }
  return undefined;
}

function readStatus(payload: Uint8Array): number | undefined {
  const text = Buffer.from(payload).toString("latin1");
  return /^\d{1,3}$/.test(text) ? Number(text) : undefined;
}

async function give(stream: OutputStream, bytes: Uint8Array): Promise<void> {
  if (!stream.write(bytes)) await new Promise<void>((resolve) => void stream.once("drain", resolve));
}

async function sendInput({ world, connection }: RunSession): Promise<void> {
  try {
    for await (const chunk of world.stdin) await send(connection, FRAME.stdin, Buffer.from(chunk));
    await send(connection, FRAME.stdinEnd);
  } catch {
    // The session is over, or the terminal is gone: SIGHUP tells of that.
  }
}

async function send(connection: Duplex, kind: string, payload?: Uint8Array): Promise<void> {
  if (!connection.write(encodeFrame(kind, payload))) await once(connection, "drain");
}

function tellSizes({ world, connection }: RunSession): () => void {
  const tell = (): void => {
    connection.write(encodeFrame(FRAME.size, Buffer.from(formatSize(terminalSize(world.stdout)))));
  };
  // It may have changed since the process was asked for, and while this program was stopped.
  tell();
  for (const signal of ["SIGWINCH", "SIGCONT"] as const) process.on(signal, tell);
  return () => {
    for (const signal of ["SIGWINCH", "SIGCONT"] as const) process.off(signal, tell);
  };
}

/** With a terminal, Ctrl-C and its kin are keys: a signal comes from elsewhere, and ends the session. Without one the process
 *  gets the signal that this program got; who insists leaves. */
function obeySignals({ connection, hasTerminal }: RunSession, interruption: Interruption): void {
  const leave = (): void => void connection.destroy();
  interruption.asked.addEventListener("abort", () => {
    const { signal = "SIGHUP" } = interruption;
    if (hasTerminal || signal === "SIGHUP") leave();
    else connection.write(encodeFrame(FRAME.signal, Buffer.from(signal.slice("SIG".length))));
  });
  interruption.insisted.addEventListener("abort", leave);
}
