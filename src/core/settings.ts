/** Settings of an app: switches of the platform, kept in `settings.json` of refs/heroku/state and not in config vars.
 *  Every time limit is one, with Heroku's value as its default. Changing one makes no release. */
import type { DynoRules } from "./dyno.ts";
import { AppError } from "./error.ts";
import { isJsonObject, type Json } from "./json.ts";
import { FORM_HINTS, parseSettingValue, type PageSetting, type SettingKind } from "./setting-kinds.ts";

interface Definition {
  readonly kind: SettingKind;
  /** As people write it: `60s`, `on`, `100`. */
  readonly default: string;
  readonly help: string;
}

export const SETTINGS = {
  "auto-rollback": { kind: "switch", default: "off", help: "roll back a release whose web processes never come up" },
  autosleep: {
    kind: "rest",
    default: "off",
    help: "web processes stop after so long without traffic; the next request starts them",
  },
  "autosleep-workers": { kind: "switch", default: "off", help: "all other process types sleep along" },
  "backoff-first": { kind: "duration", default: "1s", help: "the wait after a first crash; it doubles with each" },
  "backoff-max": { kind: "duration", default: "10m", help: "the longest wait after a crash" },
  "backoff-reset": {
    kind: "duration",
    default: "60s",
    help: "how long a process must be up for crashes to be forgiven",
  },
  "boot-timeout": {
    kind: "duration",
    default: "60s",
    help: "how long a web process may take to accept connections on $PORT (R10)",
  },
  "boot-wait": { kind: "duration", default: "75s", help: "how long a request waits for a starting app (H20)" },
  "build-timeout": { kind: "limit", default: "15m", help: "how long a build may take" },
  "connect-timeout": {
    kind: "duration",
    default: "5s",
    help: "how long a web process may take to accept a connection (H19)",
  },
  "daily-restart": { kind: "switch", default: "off", help: "restart each process when it is 24 to 27.6 hours old" },
  "drain-timeout": { kind: "duration", default: "30s", help: "how long requests under way may hold up a stop" },
  "error-page": {
    kind: "page",
    default: "default",
    help: "shown when the app fails: a file of the app, or a URL for a frame",
  },
  "exit-timeout": { kind: "duration", default: "30s", help: "how long a process may take to exit after SIGTERM (R12)" },
  "health-path": { kind: "path", default: "off", help: "what a web process must answer with 2xx to be up" },
  "health-timeout": { kind: "duration", default: "5s", help: "how long the answer of health-path may take" },
  "idle-timeout": {
    kind: "duration",
    default: "55s",
    help: "how long a request, an answer or a WebSocket may be silent (H15, H28)",
  },
  "log-days": { kind: "days", default: "off", help: "for how many days the log is kept; off: only log-size counts" },
  "log-drain-connect": {
    kind: "duration",
    default: "3s",
    help: "how long the receiver of a drain may take to accept a connection",
  },
  "log-drain-request": {
    kind: "duration",
    default: "5s",
    help: "how long the receiver of a drain may take for a frame",
  },
  "log-drain-retry": { kind: "duration", default: "1m", help: "the longest wait before a drain tries again" },
  "log-hot": {
    kind: "age",
    default: "7d",
    help: "how long the log stays as it is before it is compressed, if it is not over half of log-size; off: for ever",
  },
  "log-rate": {
    kind: "rate",
    default: "20MB",
    help: "how much processes may print a second in the long run (L12); off: no limit",
  },
  "log-size": { kind: "size", default: "2GB", help: "how large the log may grow before its oldest part is removed" },
  "maintenance-page": {
    kind: "page",
    default: "default",
    help: "shown in maintenance mode: a file of the app, or a URL for a frame",
  },
  "max-backlog": { kind: "count", default: "1000", help: "how many requests may wait for a starting app (H11)" },
  "max-connections": {
    kind: "count",
    default: "10000",
    help: "how many requests and WebSockets may be under way at one web process (H22)",
  },
  "max-per-type": { kind: "count", default: "100", help: "the largest quantity of one process type" },
  "memory-check": { kind: "duration", default: "5s", help: "how often the memory of limited processes is looked at" },
  "memory-warning": { kind: "duration", default: "20s", help: "how often a process over its memory is told of (R14)" },
  preboot: { kind: "switch", default: "on", help: "start new web processes before the old ones stop" },
  "push-size": { kind: "size", default: "2GB", help: "how large a push over HTTP or SSH may be" },
  "push-timeout": { kind: "limit", default: "1h", help: "how long a push over HTTP or SSH may take to arrive" },
  readonly: {
    kind: "switch",
    default: "off",
    help: "give processes the built code itself, read-only, instead of a copy that they may write to",
  },
  "ready-check": { kind: "duration", default: "10ms", help: "how long a web process must keep accepting to be up" },
  "release-timeout": { kind: "limit", default: "1h", help: "how long a release command may take" },
  "request-timeout": {
    kind: "duration",
    default: "30s",
    help: "how long an app may take for the first byte of its answer (H12)",
  },
  "restart-policy": { kind: "policy", default: "default", help: "when a crash is followed by a start" },
  "run-attach": {
    kind: "duration",
    default: "30s",
    help: "how long an attached one-off process waits for its client (R13)",
  },
  "run-hangup": {
    kind: "duration",
    default: "5s",
    help: "the wait after each SIGHUP to a one-off process whose client is gone (R16)",
  },
  "run-idle": { kind: "limit", default: "1h", help: "how long the connection to a one-off process may be silent" },
  "run-timeout": { kind: "limit", default: "24h", help: "how long a one-off process may run" },
  sandbox: { kind: "switch", default: "on", help: "shut each process and build in, where the machine can" },
  "slug-days": {
    kind: "days",
    default: "30",
    help: "for how many days after a release its built code is kept; off: for ever",
  },
  "slug-releases": { kind: "count", default: "20", help: "the built code of so many releases is kept, however old" },
  "slug-size": { kind: "size", default: "500MB", help: "how large the built code may be" },
  "up-after": { kind: "duration", default: "1s", help: "how long a process without a port must live to be up" },
  "verify-deploy": { kind: "switch", default: "off", help: "a push tells whether its web processes come up" },
  "webhook-retry": { kind: "duration", default: "1h", help: "the longest wait before a webhook is tried again" },
  "webhook-timeout": { kind: "duration", default: "10s", help: "how long the receiver of a webhook may take" },
  "worker-overlap": { kind: "switch", default: "off", help: "two releases of one worker type may run at a time" },
} as const satisfies Record<string, Definition>;

export type SettingName = keyof typeof SETTINGS;

/** The settings in force. */
export interface Settings extends DynoRules {
  autoRollback: boolean;
  /** Infinite when web processes never sleep. */
  autosleepMs: number;
  autosleepWorkers: boolean;
  bootWaitMs: number;
  buildTimeoutMs: number;
  connectTimeoutMs: number;
  dailyRestart: boolean;
  errorPage: PageSetting | undefined;
  idleTimeoutMs: number;
  maintenancePage: PageSetting | undefined;
  /** Infinite when the log is not removed by age. */
  logAgeMsMax: number;
  logBytesMax: number;
  logDrainConnectMs: number;
  logDrainRequestMs: number;
  logDrainRetryMs: number;
  /** Bytes a second; infinite when processes may print as much as they like. */
  logRateMax: number;
  /** Infinite when the log is never compressed. */
  logHotMs: number;
  maxBacklog: number;
  maxConnections: number;
  maxPerType: number;
  memoryCheckMs: number;
  memoryWarningMs: number;
  /** The pack of a push by one of the doors, and how long it may take to arrive. */
  pushBytesMax: number;
  pushTimeoutMs: number;
  preboot: boolean;
  /** Of a release command. */
  releaseTimeoutMs: number;
  readOnly: boolean;
  healthTimeoutMs: number;
  readyCheckMs: number;
  /** How long a one-off process that somebody is to be attached to waits for them. */
  runAttachMs: number;
  runHangUpMs: number;
  runIdleMs: number;
  /** Of a one-off process. */
  runTimeoutMs: number;
  sandbox: boolean;
  /** Infinite when the slug of each release is kept. */
  slugAgeMsMax: number;
  /** Slugs of so many releases are kept, however old these are. */
  slugReleases: number;
  /** The largest slug. */
  slugBytesMax: number;
  verifyDeploy: boolean;
  /** The longest wait before the next attempt. */
  webhookRetryMs: number;
  webhookTimeoutMs: number;
  workerOverlap: boolean;
  requestTimeoutMs: number;
}

/** @throws AppError invalid_params listing the settings there are. */
export function parseSettingName(name: string): SettingName {
  if (!Object.hasOwn(SETTINGS, name)) {
    throw new AppError("invalid_params", `There is no setting ${JSON.stringify(name.slice(0, 40))}.`, {
      hint: `Settings are ${Object.keys(SETTINGS).join(", ")}.`,
    });
  }
  return name as SettingName;
}

/** @throws AppError invalid_params when the text does not fit the setting. */
export function checkSetting(name: SettingName, text: string): void {
  if (parseSettingValue(SETTINGS[name].kind, text) !== undefined) return;
  throw new AppError("invalid_params", `${JSON.stringify(text.slice(0, 40))} does not fit the setting ${name}.`, {
    hint: `Write it like ${name}=${SETTINGS[name].default}${FORM_HINTS[SETTINGS[name].kind] ?? ""}.`,
  });
}

/** Every setting in force, as people write it. */
export function settingTexts(stored: Json | undefined): Record<SettingName, string> {
  const own = isJsonObject(stored) ? stored : {};
  const names = Object.keys(SETTINGS) as SettingName[];
  return Object.fromEntries(
    names.map((name) => [name, typeof own[name] === "string" ? own[name] : SETTINGS[name].default]),
  ) as Record<SettingName, string>;
}
