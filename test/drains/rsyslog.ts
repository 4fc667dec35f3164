/** A real rsyslogd that takes messages over TCP or TLS and writes what it understood of them, one JSON object a line. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { createConnection } from "node:net";
import { join } from "node:path";
import { AUTHORITY, CERTIFICATE, CERTIFICATE_KEY } from "../support/certificates.ts";
import { poll } from "../support/poll.ts";
import type { TestContext } from "../support/suite.ts";

const PROGRAM = "/usr/sbin/rsyslogd";
const TLS_MODULES = ["x86_64-linux-gnu", "aarch64-linux-gnu", "arm-linux-gnueabihf"].map(
  (machine) => `/usr/lib/${machine}/rsyslog/lmnsd_ossl.so`,
);

export function missingForRsyslog(): string | undefined {
  if (!existsSync(PROGRAM)) return "rsyslog";
  return TLS_MODULES.some((path) => existsSync(path)) ? undefined : "rsyslog-openssl";
}

export interface RsyslogRecord {
  pri: string;
  host: string;
  app: string;
  procid: string;
  msg: string;
}

export interface Rsyslog {
  records(): Promise<RsyslogRecord[]>;
  /** Resolves when a record has the text. */
  wrote(text: string): Promise<void>;
  start(): Promise<void>;
  kill(): Promise<void>;
}

export async function startRsyslog(
  t: TestContext,
  { port, isEncrypted }: { port: number; isEncrypted: boolean },
): Promise<Rsyslog> {
  const dir = await t.tempDir();
  const [config, output] = [join(dir, "rsyslog.conf"), join(dir, "out.jsonl")];
  const files = { "ca.pem": AUTHORITY, "cert.pem": CERTIFICATE, "key.pem": CERTIFICATE_KEY };
  for (const [name, text] of Object.entries(files)) await writeFile(join(dir, name), text);
  await writeFile(config, configOf(dir, { port, isEncrypted, output }));
  let child: ChildProcess | undefined;
  const rsyslog: Rsyslog = {
    async records() {
      const text = await readFile(output, "utf8").catch(() => "");
      return text
        .split("\n")
        .slice(0, -1)
        .map((line) => JSON.parse(line) as RsyslogRecord);
    },
    async wrote(text) {
      await poll(async () => (await rsyslog.records()).find(({ msg }) => msg.includes(text)));
    },
    async start() {
      const started = (child = spawn(PROGRAM, ["-n", "-f", config, "-i", join(dir, "pid")], { stdio: "ignore" }));
      await poll(async () => {
        if (await isListening(port)) return true;
        if (started.exitCode !== null) throw new Error(`rsyslogd ended with ${String(started.exitCode)}`);
        return undefined;
      });
    },
    async kill() {
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
      const exit = once(child, "exit");
      child.kill("SIGKILL");
      await exit;
    },
  };
  t.after(() => rsyslog.kill());
  await rsyslog.start();
  return rsyslog;
}

interface ConfigOptions {
  port: number;
  isEncrypted: boolean;
  output: string;
}

function configOf(dir: string, { port, isEncrypted, output }: ConfigOptions): string {
  const driver = 'StreamDriver.Name="ossl" StreamDriver.Mode="1" StreamDriver.AuthMode="anon"';
  return `global(workDirectory="${dir}" maxMessageSize="64k" net.enableDNS="off"
  DefaultNetstreamDriverCAFile="${dir}/ca.pem" DefaultNetstreamDriverCertFile="${dir}/cert.pem"
  DefaultNetstreamDriverKeyFile="${dir}/key.pem")
module(load="imtcp" ${isEncrypted ? driver : ""})
template(name="record" type="list") {
  constant(value="{")
${property("pri", "pri")} constant(value="\\",")
${property("host", "hostname")} constant(value="\\",")
${property("app", "app-name")} constant(value="\\",")
${property("procid", "procid")} constant(value="\\",")
${property("msg", "msg")} constant(value="\\"}\\n")
}
input(type="imtcp" port="${String(port)}" address="127.0.0.1")
action(type="omfile" file="${output}" template="record" asyncWriting="off")
`;
}

function property(key: string, name: string): string {
  return `  constant(value="\\"${key}\\":\\"") property(name="${name}" format="json")`;
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ port, host: "127.0.0.1" });
    const end = (answer: boolean) => (): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once("connect", end(true)).once("error", end(false));
  });
}
