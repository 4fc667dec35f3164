/** The settings of an app in force, as values: what was not set, or is damaged, has its default. */
import { DYNO_RULES } from "./dyno.ts";
import type { Json } from "./json.ts";
import { RESTART_POLICIES } from "./restart-policy.ts";
import { parsePage, parseSettingValue, type PageSetting } from "./setting-kinds.ts";
import { SETTINGS, settingTexts, type SettingName, type Settings } from "./settings.ts";

export function readSettings(stored: Json | undefined): Settings {
  const texts = settingTexts(stored);
  const text = (name: SettingName): string => {
    const { kind, default: usual } = SETTINGS[name];
    return parseSettingValue(kind, texts[name]) === undefined ? usual : texts[name];
  };
  const number = (name: SettingName): number => Number(parseSettingValue(SETTINGS[name].kind, text(name)));
  const isOn = (name: SettingName): boolean => text(name) === "on";
  const path = text("health-path");
  const page = (name: SettingName): PageSetting | undefined => {
    const parsed = parsePage(text(name));
    return parsed === "default" ? undefined : parsed;
  };
  return {
    autoRollback: isOn("auto-rollback"),
    autosleepMs: number("autosleep"),
    autosleepWorkers: isOn("autosleep-workers"),
    buildTimeoutMs: number("build-timeout"),
    errorPage: page("error-page"),
    maintenancePage: page("maintenance-page"),
    ...readRequestSettings(number),
    backoff: { firstMs: number("backoff-first"), maxMs: number("backoff-max"), resetAfterMs: number("backoff-reset") },
    bootTimeoutMs: number("boot-timeout"),
    dailyRestart: isOn("daily-restart"),
    drainTimeoutMs: number("drain-timeout"),
    exitTimeoutMs: number("exit-timeout"),
    healthPath: path === "off" ? undefined : path,
    ...readLogSettings(number),
    maxBacklog: number("max-backlog"),
    maxConnections: number("max-connections"),
    maxPerType: number("max-per-type"),
    memoryCheckMs: number("memory-check"),
    memoryWarningMs: number("memory-warning"),
    preboot: isOn("preboot"),
    readOnly: isOn("readonly"),
    healthTimeoutMs: number("health-timeout"),
    readyCheckMs: number("ready-check"),
    releaseTimeoutMs: number("release-timeout"),
    ...connectionSettings(number),
    ...webhookSettings(number),
    restartPolicy: RESTART_POLICIES.find((policy) => policy === text("restart-policy")) ?? DYNO_RULES.restartPolicy,
    sandbox: isOn("sandbox"),
    ...slugSettings(number),
    upAfterMs: number("up-after"),
    verifyDeploy: isOn("verify-deploy"),
    workerOverlap: isOn("worker-overlap"),
  };
}

type RequestSettings = Pick<Settings, "bootWaitMs" | "connectTimeoutMs" | "idleTimeoutMs" | "requestTimeoutMs">;

function readRequestSettings(number: (name: SettingName) => number): RequestSettings {
  return {
    bootWaitMs: number("boot-wait"),
    connectTimeoutMs: number("connect-timeout"),
    idleTimeoutMs: number("idle-timeout"),
    requestTimeoutMs: number("request-timeout"),
  };
}

type LogSettings = Pick<Settings, Extract<keyof Settings, `log${string}`>>;

function readLogSettings(number: (name: SettingName) => number): LogSettings {
  return {
    logAgeMsMax: number("log-days"),
    logBytesMax: number("log-size"),
    logDrainConnectMs: number("log-drain-connect"),
    logDrainRequestMs: number("log-drain-request"),
    logDrainRetryMs: number("log-drain-retry"),
    logHotMs: number("log-hot"),
    logRateMax: number("log-rate"),
  };
}

/** Of what is done over a connection: attached processes, and pushes. */
type ConnectionSettings = Pick<
  Settings,
  "pushBytesMax" | "pushTimeoutMs" | "runAttachMs" | "runHangUpMs" | "runIdleMs" | "runTimeoutMs"
>;

function connectionSettings(number: (name: SettingName) => number): ConnectionSettings {
  return {
    pushBytesMax: number("push-size"),
    pushTimeoutMs: number("push-timeout"),
    runAttachMs: number("run-attach"),
    runHangUpMs: number("run-hangup"),
    runIdleMs: number("run-idle"),
    runTimeoutMs: number("run-timeout"),
  };
}

function slugSettings(
  number: (name: SettingName) => number,
): Pick<Settings, "slugAgeMsMax" | "slugReleases" | "slugBytesMax"> {
  return {
    slugAgeMsMax: number("slug-days"),
    slugReleases: number("slug-releases"),
    slugBytesMax: number("slug-size"),
  };
}

function webhookSettings(number: (name: SettingName) => number): Pick<Settings, "webhookRetryMs" | "webhookTimeoutMs"> {
  return { webhookRetryMs: number("webhook-retry"), webhookTimeoutMs: number("webhook-timeout") };
}
