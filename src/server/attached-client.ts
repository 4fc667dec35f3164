/** One client of an attached one-off process, that speaks frames. */
import { once } from "node:events";
import type { Duplex } from "node:stream";
import { encodeFrame, FRAME, FrameReader } from "../core/run-frames.ts";
import type { Attachment } from "../platform/attachments.ts";
import type { Platform } from "../platform/platform.ts";

/** What a client may send. */
const INPUTS: ReadonlySet<string> = new Set([FRAME.stdin, FRAME.stdinEnd, FRAME.size, FRAME.signal]);

/** A client that does not go when all is said. */
const LINGER_MS = 5_000;

/** Resolves when the process has ended and the client knows, or is gone. A client that goes before is a lost terminal for
 *  the process. */
export async function exchangeFrames(platform: Platform, attachment: Attachment, client: Duplex): Promise<void> {
  const unbind = cutWith(client, [attachment.cut, platform.closing]);
  const session = { isOver: false };
  const input = takeInput(attachment, client).finally(() => {
    if (!session.isOver) attachment.leave();
  });
  // Read to its end whether somebody is there or not: a process whose output nobody takes would never end.
  for await (const { kind, payload } of attachment.output()) await give(client, encodeFrame(kind, payload));
  const { status } = await attachment.ended;
  session.isOver = true;
  client.end(encodeFrame(FRAME.exit, Buffer.from(String(status ?? ""))));
  // Whoever closes with bytes unread takes from the other side what it has not read yet.
  await Promise.race([input, platform.clock.sleep(LINGER_MS, platform.closing)]);
  unbind();
  client.destroy();
}

/** Resolves when the client sends no more, for whatever reason. */
async function takeInput(attachment: Attachment, client: Duplex): Promise<void> {
  const reader = new FrameReader();
  try {
    for await (const chunk of client as AsyncIterable<Buffer>) {
      for (const { kind, payload } of reader.read(chunk)) {
        if (INPUTS.has(kind)) await attachment.send(kind, payload);
      }
    }
  } catch {
    // A connection that breaks, or frames that are none.
    client.destroy();
  }
}

/** Waits for a slow client, as long as it is there. */
export async function give(client: Duplex, bytes: Uint8Array): Promise<void> {
  if (!client.writable || client.write(bytes)) return;
  const gone = new AbortController();
  const leave = (): void => gone.abort();
  client.once("close", leave);
  await once(client, "drain", { signal: gone.signal }).catch(() => undefined);
  client.off("close", leave);
}

/** Ends the connection when one of the signals aborts. */
export function cutWith(client: Duplex, signals: readonly AbortSignal[]): () => void {
  const cut = (): void => void client.destroy();
  for (const signal of signals) {
    if (signal.aborted) cut();
    signal.addEventListener("abort", cut);
  }
  return () => {
    for (const signal of signals) signal.removeEventListener("abort", cut);
  };
}
