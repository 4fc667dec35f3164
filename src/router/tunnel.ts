/** An upgraded connection: bytes both ways until both sides are closed. */
import type { Socket } from "node:net";

interface TunnelEnds {
  readonly client: Socket;
  readonly backend: Socket;
  /** What the client sent right behind its request. */
  readonly head: Buffer;
  readonly idleMs: number;
}

/** `onEnd` gets the bytes that came from the backend and whether silence ended the tunnel. */
export function joinSockets(ends: TunnelEnds, onEnd: (bytes: number, idle: boolean) => void): void {
  const { client, backend } = ends;
  const before = backend.bytesRead;
  let idle = false;
  let open = 2;
  const closeOther = (other: Socket, sawEnd: boolean): void => {
    // After a proper end the other side may still flush; after a broken one there is nothing to wait for.
    if (sawEnd) other.end();
    else other.destroy();
    open -= 1;
    if (open === 0) onEnd(backend.bytesRead - before, idle);
  };
  client.setTimeout(0);
  client.setNoDelay(true);
  backend.ref();
  // Bytes in either direction are activity of the backend's socket.
  backend.setTimeout(ends.idleMs, () => {
    idle = true;
    backend.destroy();
    client.destroy();
  });
  client.on("error", () => undefined).on("close", () => closeOther(backend, client.readableEnded));
  backend.on("error", () => undefined).on("close", () => closeOther(client, backend.readableEnded));
  if (ends.head.length > 0) backend.write(ends.head);
  client.pipe(backend);
  backend.pipe(client);
}
