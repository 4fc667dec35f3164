/** Drains over TCP and TLS, against servers of the test's own and against rsyslog. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { sendQueueIn, unacknowledged } from "../../src/drains/send-queue.ts";
import { AUTHORITY } from "../support/certificates.ts";
import { freePort } from "../support/http.ts";
import { describe } from "../support/suite.ts";
import { openDrainLab, QUICK } from "./lab.ts";
import { SyslogReceiver } from "./receiver.ts";
import { missingForRsyslog, startRsyslog } from "./rsyslog.ts";

const numbered = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, index) => `line ${String(from + index)}`);

const lines = (messages: readonly string[]): string[] => messages.filter((message) => message.startsWith("line"));

/** Each line once, in the order in which they came first. */
const distinct = (messages: readonly string[]): string[] => [...new Set(messages)];

function tableRow(index: number, local: string, remote: string, queue: string): string {
  return `  ${String(index)}: 0100007F:${local} 0100007F:${remote} 01 ${queue}:00000000 00:00000000 00000000     0        0 8 1\n`;
}

describe("drain over TCP", (test) => {
  test("a connection that breaks loses nothing, neither what is under way nor what was sent a moment before", async (t) => {
    const [lab, receiver] = [await openDrainLab(t), await SyslogReceiver.open(t)];
    await lab.add(lab.spec(1, `syslog://127.0.0.1:${String(receiver.port)}`));
    lab.log(...numbered(0, 10));
    await receiver.got("line 9");
    receiver.reset();
    await receiver.until(() => receiver.connections.length === 2);
    lab.log(...numbered(10, 20));
    await receiver.got("line 19");
    const got = lines(receiver.messages);
    assert.equal(distinct(got), numbered(0, 20));
    assert.equal(got.slice(0, 20), [...numbered(0, 10), ...numbered(0, 10)], "sent again");
    await lab.close();
    // The connection has ended well: nothing is sent again.
    const again = await openDrainLab(t, { dir: lab.dir });
    await again.add(lab.spec(1, `syslog://127.0.0.1:${String(receiver.port)}`));
    again.log("line 20");
    await receiver.got("line 20");
    assert.equal(lines(receiver.messages).slice(got.length), ["line 20"]);
  });

  test("a receiver that reads nothing holds up its own drain alone, and gets all of it when it does", async (t) => {
    const lab = await openDrainLab(t);
    const [stuck, good] = [await SyslogReceiver.open(t), await SyslogReceiver.open(t)];
    stuck.isReading = false;
    await lab.add(
      lab.spec(1, `syslog://127.0.0.1:${String(stuck.port)}`),
      lab.spec(2, `syslog://127.0.0.1:${String(good.port)}`),
    );
    const text = "x".repeat(10_000);
    for (const message of numbered(0, 400)) lab.log(`${message} ${text}`);
    await good.got("line 399");
    // The short limit is for the one that takes nothing; one that takes little, as on a busy machine, would begin again and again.
    lab.drains.configure({ ...QUICK, requestMs: 300 });
    stuck.reset();
    await lab.untilTold("it took nothing within 300ms");
    lab.drains.configure(QUICK);
    stuck.isReading = true;
    stuck.reset();
    await stuck.got("line 399");
    assert.is(distinct(lines(good.messages)).length, 400);
    assert.equal(
      distinct(lines(stuck.messages)).map((message) => message.slice(0, -text.length - 1)),
      numbered(0, 400),
    );
  });

  test("the kernel tells what is not acknowledged yet", async (t) => {
    const table = `  sl  local_address rem_address   st tx_queue rx_queue\n${tableRow(0, "D431", "1F90", "00000000")}${tableRow(1, "D431", "0202", "0000012C")}`;
    assert.is(sendQueueIn(table, { localPort: 0xd431, remotePort: 514 }), 300);
    assert.is(sendQueueIn(table, { localPort: 0xd431, remotePort: 8080 }), 0);
    assert.is(sendQueueIn(table, { localPort: 0xd431, remotePort: 1 }), undefined);
    if (process.platform !== "linux") return;
    const [lab, receiver] = [await openDrainLab(t), await SyslogReceiver.open(t)];
    await lab.add(lab.spec(1, `syslog://127.0.0.1:${String(receiver.port)}`));
    lab.log("line 0");
    await receiver.got("line 0");
    const { localPort = 0, remotePort = 0 } = receiver.connections[0]?.socket ?? {};
    assert.is(await unacknowledged({ localPort, remotePort }), 0);
  });
});

describe("drain over TLS", (test) => {
  test("a certificate that is not trusted is L14; an authority of one's own makes it good", async (t) => {
    const [lab, receiver] = [await openDrainLab(t), await SyslogReceiver.open(t, { isEncrypted: true })];
    const url = `syslog+tls://localhost:${String(receiver.port)}`;
    await lab.add(lab.spec(1, url));
    lab.log(...numbered(0, 10));
    await lab.untilTold("L14");
    const [told = "", ...more] = lab.told;
    assert.match(
      told,
      /^Error L14 \(certificate validation\): error="unable to verify the first certificate[^"]*" uri="/,
    );
    assert.ok(told.endsWith(` uri="${url}"`) && more.length === 0);
    assert.equal(receiver.messages, []);
    await writeFile(join(lab.dir, "ca.pem"), AUTHORITY);
    await receiver.got("line 9");
    assert.equal(lines(receiver.messages), numbered(0, 10));
  });
});

describe("drain to rsyslog", (test) => {
  const missing = missingForRsyslog();

  for (const isEncrypted of [false, true]) {
    const how = isEncrypted ? "TLS" : "TCP";
    test.needing(missing, `over ${how}, killed and started again: every line, as it was written`, async (t) => {
      const lab = await openDrainLab(t);
      await writeFile(join(lab.dir, "ca.pem"), AUTHORITY);
      const port = await freePort();
      const rsyslog = await startRsyslog(t, { port, isEncrypted });
      const { id, token } = lab.spec(1, "");
      await lab.add(lab.spec(1, `${isEncrypted ? "syslog+tls" : "syslog"}://localhost:${String(port)}`));
      const odd = ["line 1234 begins with digits", 'line "quoted" \\ größer €', "17 line", `line ${"x".repeat(5000)}`];
      lab.log(...numbered(0, 500), ...odd);
      await rsyslog.wrote("xxx");
      await rsyslog.kill();
      lab.log(...numbered(500, 1000));
      await lab.untilTold("fails");
      await rsyslog.start();
      await rsyslog.wrote("line 999");
      const records = await rsyslog.records();
      assert.equal(
        distinct(records.map(({ msg }) => msg).filter((msg) => msg.includes("line"))).filter(
          (msg) => !msg.startsWith("Drain"),
        ),
        [...numbered(0, 500), ...odd, ...numbered(500, 1000)],
      );
      const { host, app, procid, pri } = records[0] ?? {};
      assert.equal({ host, app, procid, pri }, { host: token, app: "app", procid: "web.1", pri: "190" });
      assert.is(lab.drains.status(id)?.dropped, 0);
    });
  }
});
