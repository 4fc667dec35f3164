/** Reads what drains send, strictly: octet counts, then the fields of a message. */

export interface Message {
  priority: number;
  ts: string;
  host: string;
  source: string;
  ps: string;
  msg: string;
}

const LOGPLEX = /^<(\d+)>1 (\S+) (host) (\S+) (\S+) - ([^]*)\n$/;
const RFC_5424 = /^<(\d+)>1 (\S+) (d\.\S+) (\S+) (\S+) - - ([^]*)\n$/;

/** @throws when a count is wrong, or a message not of the form */
export function messagesIn(body: string | Buffer): Message[] {
  const bytes = Buffer.from(body);
  const messages: Message[] = [];
  for (let at = 0; at < bytes.length;) {
    const blank = bytes.indexOf(" ", at);
    const count = Number(bytes.toString("latin1", at, blank));
    const text = bytes.toString("utf8", blank + 1, blank + 1 + count);
    const [, priority, ts = "", host = "", source = "", ps = "", msg = ""] =
      LOGPLEX.exec(text) ?? RFC_5424.exec(text) ?? [];
    if (priority === undefined) throw new Error(`no message: ${JSON.stringify(text.slice(0, 200))}`);
    messages.push({ priority: Number(priority), ts, host, source, ps, msg });
    at = blank + 1 + count;
  }
  return messages;
}
