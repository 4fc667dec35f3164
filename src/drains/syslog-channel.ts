/** Frames over TCP (RFC 6587) or TLS (RFC 5425). Syslog has no acknowledgement of its own: a frame counts as delivered
 *  when the receiver's machine has acknowledged its bytes, where the kernel tells, and as settled when the connection has
 *  held for some seconds more. What a receiver had not read when it died longer after is lost, as with every syslog sender. */
import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { Clock } from "../core/clock.ts";
import type { SyslogTarget } from "../core/drain.ts";
import { asDeliveryError, DeliveryError } from "../outbound/delivery-error.ts";
import type { Channel, OutgoingFrame } from "./channel.ts";
import { unacknowledged } from "./send-queue.ts";
import { inWords, TimeLimit, type SendLimits } from "../outbound/time-limit.ts";
import type { Trust } from "../outbound/trust.ts";

export interface SyslogChannelParts {
  target: SyslogTarget;
  clock: Clock;
  limits: () => SendLimits;
  trust: Trust;
  /** The connection is gone, and nobody asked for that. */
  onBroken: () => void;
}

interface Open {
  socket: Socket;
  since: number;
  usedAt: number;
}

const SETTLE_MS = 2_000;
const CLOSE_MS = 2_000;
/** Logplex's. */
const IDLE_MS = 240_000;
const AGE_MS = 5 * 3_600_000;
const KEEPALIVE_MS = 60_000;
/** The kernel is asked again after 1, 2, 4 … ms. */
const ASK_MS_MAX = 50;

export class SyslogChannel implements Channel {
  readonly #parts: SyslogChannelParts;
  #open: Open | undefined;

  constructor(parts: SyslogChannelParts) {
    this.#parts = parts;
  }

  /** Longer than a receiver that reads no more can go unnoticed while there is much to send. */
  get settleMs(): number {
    return this.#parts.limits().requestMs + SETTLE_MS;
  }

  async deliver(frame: OutgoingFrame, signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    const now = clock.now();
    if (this.#open !== undefined && isStale(this.#open, now)) await this.close();
    const open = (this.#open ??= { socket: await this.#connect(signal), since: now, usedAt: now });
    await this.#write(open.socket, frame.body, signal);
    open.usedAt = clock.now();
  }

  async #connect(signal: AbortSignal): Promise<Socket> {
    const { target, trust, clock } = this.#parts;
    const { host, port, isEncrypted } = target;
    const socket = isEncrypted
      ? connectTls({ host, port, ...(await trust.options()), ...(isIP(host) === 0 && { servername: host }) })
      : connectTcp({ host, port });
    const { connectMs } = this.#parts.limits();
    const limit = new TimeLimit(clock, (message) => socket.destroy(new DeliveryError("retry", message)));
    limit.begin(connectMs, `no connection within ${inWords(connectMs)}`);
    const leave = (): void => void socket.destroy(new DeliveryError("retry", "the platform stops"));
    signal.addEventListener("abort", leave, { once: true });
    try {
      await new Promise<void>((resolve, reject) => {
        socket.once(isEncrypted ? "secureConnect" : "connect", resolve).once("error", reject);
        socket.once("close", () => reject(new DeliveryError("retry", "the connection was closed")));
        if (signal.aborted) leave();
      });
    } catch (error) {
      throw asDeliveryError(error);
    } finally {
      limit.end();
      signal.removeEventListener("abort", leave);
    }
    this.#watch(socket);
    return socket;
  }

  #watch(socket: Socket): void {
    socket.setNoDelay(true).setKeepAlive(true, KEEPALIVE_MS);
    // Whatever a receiver says is no part of the protocol.
    socket.resume();
    socket.on("error", () => undefined);
    socket.once("close", () => {
      if (this.#open?.socket !== socket) return;
      this.#open = undefined;
      this.#parts.onBroken();
    });
  }

  async #write(socket: Socket, body: Buffer, signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    const { requestMs } = this.#parts.limits();
    const limit = new TimeLimit(clock, (message) => socket.destroy(new DeliveryError("retry", message)));
    limit.begin(requestMs, `it took nothing within ${inWords(requestMs)}`);
    const leave = (): void => void socket.destroy();
    signal.addEventListener("abort", leave, { once: true });
    const ended = new AbortController();
    try {
      const written = writeTo(socket, body).then(() => untilAcknowledged(socket, clock, ended.signal));
      await Promise.race([lossOf(socket, ended.signal), written]);
    } catch (error) {
      socket.destroy();
      throw asDeliveryError(error);
    } finally {
      ended.abort();
      limit.end();
      signal.removeEventListener("abort", leave);
    }
  }

  /** What was written goes out; whoever does not take it in time is cut off. */
  async close(): Promise<boolean> {
    const socket = this.#open?.socket;
    this.#open = undefined;
    if (socket === undefined || socket.destroyed) return false;
    let isCutOff = false;
    const limit = new TimeLimit(this.#parts.clock, () => {
      isCutOff = true;
      socket.destroy();
    });
    limit.begin(CLOSE_MS);
    const hadError = await new Promise<boolean>((resolve) => {
      socket.once("close", resolve);
      socket.end();
    });
    limit.end();
    return !hadError && !isCutOff;
  }
}

function isStale({ socket, since, usedAt }: Open, now: number): boolean {
  return socket.destroyed || now - usedAt > IDLE_MS || now - since > AGE_MS;
}

/** Resolves when the kernel has taken it. */
function writeTo(socket: Socket, body: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.write(body, (error) => (error instanceof Error ? reject(error) : resolve()));
  });
}

/** Rejects when the connection is lost; never resolves. */
function lossOf(socket: Socket, signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const lost = (): void => reject(new DeliveryError("retry", "the connection was closed"));
    socket.once("error", reject).once("close", lost);
    signal.addEventListener("abort", () => socket.off("error", reject).off("close", lost), { once: true });
    if (socket.destroyed) lost();
  });
}

async function untilAcknowledged(socket: Socket, clock: Clock, signal: AbortSignal): Promise<void> {
  const { localPort = 0, remotePort = 0 } = socket;
  for (let ms = 1; !signal.aborted; ms = Math.min(ms * 2, ASK_MS_MAX)) {
    const bytes = await unacknowledged({ localPort, remotePort });
    if (bytes === undefined || bytes === 0) return;
    await clock.sleep(ms, signal);
  }
}
