/** A WebSocket whose other end, as in the fixture `echo`, sends back what it gets. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";

export class EchoSocket {
  private readonly socket: Socket;
  private received = "";
  private count = 0;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding("latin1");
    socket.on("data", (chunk: string) => (this.received += chunk));
    socket.on("error", () => undefined);
  }

  static async open(port: number, app: string): Promise<EchoSocket> {
    const echo = new EchoSocket(connect(port, "127.0.0.1"));
    echo.socket.write(
      `GET /socket HTTP/1.1\r\nHost: ${app}.localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    );
    await echo.until("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n");
    return echo;
  }

  /** Sends one frame and waits for it to come back. */
  async ping(): Promise<void> {
    this.count += 1;
    const text = `ping ${String(this.count)};`;
    // A masked text frame; the mask is nothing, so that the text can be read.
    this.socket.write(Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)]));
    await this.until(text);
  }

  close(): void {
    this.socket.destroy();
  }

  private async until(text: string): Promise<void> {
    while (!this.received.includes(text)) {
      if (this.socket.destroyed) throw new Error(`The socket was closed before ${JSON.stringify(text)}.`);
      await Promise.race([once(this.socket, "data"), once(this.socket, "close")]);
    }
  }
}
