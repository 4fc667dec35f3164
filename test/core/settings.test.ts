import * as assert from "uvu/assert";
import fc from "fast-check";
import { DYNO_RULES } from "../../src/core/dyno.ts";
import { quantityOf, readAppState } from "../../src/core/app-state.ts";
import type { Json } from "../../src/core/json.ts";
import { DURATION_MAX_MS } from "../../src/core/setting-kinds.ts";
import { readSettings } from "../../src/core/read-settings.ts";
import { checkSetting, parseSettingName, settingTexts } from "../../src/core/settings.ts";
import { FORMATION_SETTINGS } from "../../src/formation/formation-options.ts";
import { refuses } from "../support/assert.ts";
import { describe } from "../support/suite.ts";

/** Every limit of the platform that is a setting: its default as people write it, and what comes of it. */
const TEXTS = {
  autosleep: "off",
  "auto-rollback": "off",
  "autosleep-workers": "off",
  "backoff-first": "1s",
  "backoff-max": "10m",
  "backoff-reset": "60s",
  "boot-timeout": "60s",
  "boot-wait": "75s",
  "connect-timeout": "5s",
  "daily-restart": "off",
  "drain-timeout": "30s",
  "error-page": "default",
  "exit-timeout": "30s",
  "health-path": "off",
  "health-timeout": "5s",
  "idle-timeout": "55s",
  "log-days": "off",
  "log-drain-connect": "3s",
  "log-drain-request": "5s",
  "log-drain-retry": "1m",
  "log-hot": "7d",
  "log-rate": "20MB",
  "log-size": "2GB",
  "maintenance-page": "default",
  "max-backlog": "1000",
  "max-connections": "10000",
  "max-per-type": "100",
  "memory-check": "5s",
  "memory-warning": "20s",
  preboot: "on",
  readonly: "off",
  "ready-check": "10ms",
  "build-timeout": "15m",
  "release-timeout": "1h",
  "slug-days": "30",
  "slug-releases": "20",
  "slug-size": "500MB",
  "request-timeout": "30s",
  "restart-policy": "default",
  "run-attach": "30s",
  "run-hangup": "5s",
  "run-idle": "1h",
  "run-timeout": "24h",
  sandbox: "on",
  "up-after": "1s",
  "verify-deploy": "off",
  "webhook-retry": "1h",
  "webhook-timeout": "10s",
  "worker-overlap": "off",
  "push-size": "2GB",
  "push-timeout": "1h",
};

const DEFAULTS = {
  autoRollback: false,
  autosleepMs: Number.POSITIVE_INFINITY,
  autosleepWorkers: false,
  bootWaitMs: 75_000,
  connectTimeoutMs: 5_000,
  errorPage: undefined,
  idleTimeoutMs: 55_000,
  maintenancePage: undefined,
  backoff: { firstMs: 1_000, maxMs: 600_000, resetAfterMs: 60_000 },
  bootTimeoutMs: 60_000,
  dailyRestart: false,
  drainTimeoutMs: 30_000,
  exitTimeoutMs: 30_000,
  healthPath: undefined,
  logAgeMsMax: Number.POSITIVE_INFINITY,
  logBytesMax: 2_000_000_000,
  logDrainConnectMs: 3_000,
  logDrainRequestMs: 5_000,
  logDrainRetryMs: 60_000,
  logHotMs: 7 * 86_400_000,
  logRateMax: 20_000_000,
  maxBacklog: 1_000,
  maxConnections: 10_000,
  maxPerType: 100,
  memoryCheckMs: 5_000,
  memoryWarningMs: 20_000,
  preboot: true,
  releaseTimeoutMs: 3_600_000,
  requestTimeoutMs: 30_000,
  slugAgeMsMax: 30 * 24 * 3_600_000,
  slugReleases: 20,
  slugBytesMax: 500_000_000,
  buildTimeoutMs: 900_000,
  readOnly: false,
  healthTimeoutMs: 5_000,
  readyCheckMs: 10,
  restartPolicy: "default",
  runAttachMs: 30_000,
  runHangUpMs: 5_000,
  runIdleMs: 3_600_000,
  runTimeoutMs: 86_400_000,
  sandbox: true,
  upAfterMs: 1_000,
  verifyDeploy: false,
  webhookRetryMs: 3_600_000,
  webhookTimeoutMs: 10_000,
  workerOverlap: false,
  pushBytesMax: 2_000_000_000,
  pushTimeoutMs: 3_600_000,
};

describe("settings", (test) => {
  test("Heroku's values until something is set", () => {
    assert.equal(readSettings(undefined), DEFAULTS);
    assert.equal(settingTexts(undefined), TEXTS);
    assert.equal(settingTexts({ preboot: "off" }), { ...TEXTS, preboot: "off" });
    const { backoff, bootTimeoutMs, drainTimeoutMs, exitTimeoutMs, healthPath, restartPolicy, upAfterMs } = DEFAULTS;
    const rules = { backoff, bootTimeoutMs, drainTimeoutMs, exitTimeoutMs, healthPath, restartPolicy, upAfterMs };
    assert.equal(DYNO_RULES, rules);
    // A formation that nobody has configured yet goes by the same.
    const { limits, ...unconfigured } = FORMATION_SETTINGS;
    assert.equal({ ...DEFAULTS, ...unconfigured }, DEFAULTS);
    assert.is(limits.size, 0);
    assert.equal(readSettings({ "boot-timeout": "2m", preboot: "off", "max-per-type": "7" }), {
      ...DEFAULTS,
      bootTimeoutMs: 120_000,
      preboot: false,
      maxPerType: 7,
    });
    const own = readSettings({ "health-path": "/up?deep=1", "restart-policy": "never", "ready-check": "100ms" });
    assert.equal([own.healthPath, own.restartPolicy, own.readyCheckMs], ["/up?deep=1", "never", 100]);
    const kept = readSettings({ "log-days": "7", "log-hot": "12h", "log-size": "500MB" });
    const traffic = readSettings({
      autosleep: "30m",
      "error-page": "public/500.html",
      "maintenance-page": "https://a.example/b",
    });
    assert.equal(
      [traffic.autosleepMs, traffic.errorPage, traffic.maintenancePage],
      [1_800_000, { path: "public/500.html" }, { url: "https://a.example/b" }],
    );
    assert.equal([kept.logAgeMsMax, kept.logHotMs, kept.logBytesMax], [7 * 86_400_000, 43_200_000, 500_000_000]);
    assert.is(readSettings({ "log-hot": "off" }).logHotMs, Number.POSITIVE_INFINITY);
    assert.is(readSettings({ "log-rate": "off" }).logRateMax, Number.POSITIVE_INFINITY);
  });

  test("a file that somebody else damaged reads as the defaults", () => {
    for (const stored of [null, 5, "on", ["on"], { preboot: true, "boot-timeout": "soon" }] as Json[])
      assert.equal(readSettings(stored), DEFAULTS);
  });

  test("every duration that is accepted fits a timer of the machine", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 999_999 }), fc.constantFrom("s", "m", "h"), (number, unit) => {
        const text = `${String(number)}${unit}`;
        const ms = number * { s: 1000, m: 60_000, h: 3_600_000 }[unit];
        let accepted = true;
        try {
          checkSetting("boot-timeout", text);
        } catch {
          accepted = false;
        }
        assert.is(accepted, ms > 0 && ms <= DURATION_MAX_MS);
      }),
    );
  });

  test("texts that do not fit are refused with the form that does", async () => {
    const bad = {
      autosleep: ["", "30", "0s", "25h", "on"],
      "error-page": [
        "",
        "/etc/passwd",
        "../a.html",
        "a/../../b.html",
        "a//b",
        "./a",
        "ftp://a",
        "https://a b",
        'https://a"',
        "a\\b",
      ],
      "boot-timeout": ["", "60", "0s", "-1s", "1.5s", "2h", "1d"],
      "log-days": ["", "0", "7d", "-1", "10000", "OFF"],
      "log-hot": ["", "1", "0d", "10000d", "1w", "OFF"],
      "log-rate": ["", "0MB", "20", "20MB/s", "OFF"],
      "log-size": ["", "0GB", "2", "2TB", "2 GB", "2gb", "1.5GB", "100000MB"],
      "health-path": ["", "healthz", "/a b", "/a#b", "/\u00e9", "/a\r\nb", `/${"a".repeat(300)}`],
      "restart-policy": ["", "always", "Default"],
      "ready-check": ["0ms", "25", "1.5ms"],
      preboot: ["", "yes", "ON", "true"],
    };
    for (const [name, texts] of Object.entries(bad)) {
      for (const text of texts) await refuses("invalid_params", () => checkSetting(parseSettingName(name), text));
    }
    for (const text of ["0", "-1", "100000", "1e3"])
      assert.match((await refuses("invalid_params", () => checkSetting("max-per-type", text))).hint ?? "", "=100");
  });

  test("an unknown setting is refused with the ones there are", async () => {
    for (const name of ["", "prebooot", "constructor", "__proto__", "maintenance"])
      assert.match(
        (await refuses("invalid_params", () => parseSettingName(name))).hint ?? "",
        "autosleep, autosleep-workers, backoff-first",
      );
  });
});

describe("app state", (test) => {
  test("nothing stored: one web, none of the others, no maintenance", () => {
    const { quantities, maintenance } = readAppState({});
    assert.is(quantityOf(quantities, "web"), 1);
    assert.is(quantityOf(quantities, "worker"), 0);
    assert.is(maintenance, false);
  });

  test("a type with the name of something that every object has is none the less a type", () => {
    for (const type of ["constructor", "toString", "__proto__", "hasOwnProperty"]) assert.is(quantityOf({}, type), 0);
    const stored = JSON.parse('{"__proto__": 3, "constructor": 2, "web": 0}') as Json;
    const { quantities } = readAppState({ formation: stored });
    assert.equal(
      ["__proto__", "constructor", "web"].map((type) => quantityOf(quantities, type)),
      [3, 2, 0],
    );
  });

  test("what is of another type than it should be counts as not stored", () => {
    const state = readAppState({ formation: { web: "2", worker: 3 }, settings: { maintenance: "true" } });
    assert.equal(state.quantities, { worker: 3 });
    assert.is(state.maintenance, false);
    assert.equal(readAppState({ formation: [1], settings: null }).quantities, {});
  });
});
