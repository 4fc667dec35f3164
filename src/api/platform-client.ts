/** The typed client of the Platform API (docs/api.md). */
import type { Duplex, Readable } from "node:stream";
import type { AppSetup } from "../core/app-setup.ts";
import { formatPerson } from "../core/person.ts";
import type { LogErrors } from "../core/log-errors.ts";
import type { LogStats } from "../core/log-stats.ts";
import { AccessCalls } from "./access-calls.ts";
import { Asker } from "./asker.ts";
import { upload, type Question } from "./exchange.ts";
import type { Line, StreamedAnswer } from "./line.ts";
import type * as Log from "./log-resources.ts";
import { appPath, diffPath, queryOf } from "./paths.ts";
import { scalable } from "./scalable.ts";
import type { DiskItem, SlugItem } from "./slug-resources.ts";
import type { BuildItem } from "./build-resources.ts";
import { askLive, readLiveAnswer, type ChangeOptions, type LiveAnswer, type Show } from "./live-answer.ts";
import type { ConfigBlameItem, ConfigHistoryItem, PatchOptions, ReleaseDiff } from "./history-resources.ts";
import type { PlatformClientOptions, ReleaseWord } from "./client-options.ts";
import { attachedBy, type AttachedDyno, type AttachRequest, type RunRequest } from "./run-resources.ts";
import { WebhookCalls } from "./webhook-calls.ts";
import type {
  App,
  BisectItem,
  BisectPlanItem,
  BisectRequest,
  DoctorCheck,
  BuildpackItem,
  DomainItem,
  DrainItem,
  Dyno,
  FormationItem,
  FormationUpdate,
  LimitsItem,
  Mark,
  PlatformInfo,
  RouterInfo,
  ReleaseDetails,
  ReleaseItem,
  RestoreOrder,
  VerifyReport,
  RevertChanges,
  RevertItem,
  RollbackItem,
  WaitItem,
  WaitQuery,
} from "./resources.ts";

export class PlatformClient {
  readonly #options: PlatformClientOptions;
  readonly access = new AccessCalls(
    (path) => this.#get(path),
    (...change) => this.#change(...change),
  );
  readonly webhooks = new WebhookCalls(
    (path) => this.#get(path),
    (...change) => this.#change(...change),
  );
  readonly #asker: Asker;

  constructor(options: PlatformClientOptions) {
    this.#options = options;
    this.#asker = new Asker(options);
  }

  get line(): Line {
    return this.#asker.line;
  }

  apps = (): Promise<App[]> => this.#get("/apps");
  app = (app: string): Promise<App> => this.#get(appPath(app));
  createApp = (name: string | undefined, setup?: AppSetup): Promise<App> =>
    this.#change("POST", "/apps", { name, setup });
  destroyApp = (app: string, purge = false): Promise<App> => this.#change("DELETE", appPath(app) + queryOf({ purge }));
  renameApp = (app: string, name: string): Promise<App> => this.#change("PATCH", appPath(app), { name });
  setMaintenance = (app: string, on: boolean): Promise<App> => this.#change("PATCH", appPath(app), { maintenance: on });

  dynos = (app: string, extended = false): Promise<Dyno[]> => this.#get(appPath(app, "dynos") + queryOf({ extended }));
  formation = (app: string): Promise<FormationItem[]> =>
    this.#get<FormationItem[]>(appPath(app, "formation")).then(scalable);
  scale = (app: string, updates: FormationUpdate[]): Promise<FormationItem[]> =>
    this.#change("PATCH", appPath(app, "formation"), { updates });
  restartAll = (app: string): Promise<unknown> => this.#change("DELETE", appPath(app, "dynos"));
  restartDyno = (app: string, name: string): Promise<unknown> => this.#change("DELETE", appPath(app, "dynos", name));
  restartType = (app: string, type: string): Promise<unknown> =>
    this.#change("DELETE", appPath(app, "formations", type));
  stopDyno = (app: string, name: string): Promise<unknown> =>
    this.#change("POST", `${appPath(app, "dynos", name)}/actions/stop`);
  stopType = (app: string, type: string): Promise<unknown> =>
    this.#change("POST", `${appPath(app, "formations", type)}/actions/stop`);

  /** Answered when they are up, when one has crashed, or when the time is over. */
  waitForDynos(app: string, { type, withRun, seconds }: WaitQuery): Promise<WaitItem> {
    const query = new URLSearchParams({ with_run: String(withRun), timeout: String(seconds) });
    if (type !== undefined) query.set("type", type);
    return this.#get(`${appPath(app, "dynos")}/actions/wait?${query.toString()}`);
  }

  limits = (app: string): Promise<LimitsItem[]> => this.#get(appPath(app, "limits"));
  setLimits = (app: string, type: string, change: Partial<LimitsItem>): Promise<LimitsItem> =>
    this.#change("PATCH", appPath(app, "limits", type), change);

  runDetached = (app: string, request: RunRequest): Promise<Dyno> =>
    this.#change("POST", appPath(app, "dynos"), { attach: false, ...request });

  /** The connection carries frames (core/run-frames.ts). */
  async runAttached(app: string, request: AttachRequest): Promise<{ dyno: Dyno; connection: Duplex }> {
    const dyno = await this.#change<AttachedDyno>("POST", appPath(app, "dynos"), attachedBy(request));
    return { dyno, connection: await this.line.upgrade(dyno.attach_url) };
  }

  bisect = (app: string): Promise<BisectItem> => this.#get(appPath(app, "bisect"));
  startBisect = (app: string, request: BisectRequest): Promise<BisectItem> =>
    this.#change("POST", appPath(app, "bisect"), request);
  planBisect = (app: string, request: BisectRequest): Promise<BisectPlanItem> =>
    this.#change("POST", appPath(app, "bisect"), { ...request, dry_run: true });
  /** Answers when the probe has ended, which may take as long as its command does. */
  stepBisect = (app: string): Promise<BisectItem> => this.#change("POST", `${appPath(app, "bisect")}/actions/step`);
  resetBisect = (app: string): Promise<unknown> => this.#change("DELETE", appPath(app, "bisect"));

  /** Newest first. */
  releases = (app: string, max: number): Promise<ReleaseItem[]> =>
    this.#get(appPath(app, "releases"), { range: `version ..; max=${String(max)}, order=desc` });
  release = (app: string, version: number | "current"): Promise<ReleaseItem> =>
    this.#get(appPath(app, "releases", String(version)));
  releaseDetails = (app: string, version: ReleaseWord): Promise<ReleaseDetails> =>
    this.#get(appPath(app, "releases", String(version), "details"));
  releaseConfig = (app: string, version: ReleaseWord): Promise<Record<string, string>> =>
    this.#get(`${appPath(app, "releases", String(version))}/config-vars`);
  /** Without a version: back to the release before the current one that was good. */
  async rollback(app: string, version: number | undefined, show?: Show): Promise<RollbackItem> {
    const body = version === undefined ? {} : { release: String(version) };
    return (await this.#release<RollbackItem>(this.#signed("POST", appPath(app, "releases"), body), show)).body;
  }
  /** Builds the code of a release again, of the current one without a version. */
  async redeploy(app: string, version: number | undefined, show?: Show): Promise<ReleaseItem> {
    const path = `${appPath(app, "releases")}/actions/redeploy`;
    const body = version === undefined ? {} : { release: String(version) };
    return (await this.#release<ReleaseItem>(this.#signed("POST", path, body), show)).body;
  }
  promote = async (app: string, to: string, show?: Show): Promise<ReleaseItem> =>
    (await this.#release<ReleaseItem>(this.#signed("POST", `${appPath(app)}/actions/promote`, { to }), show)).body;
  /** The release is undefined when there was nothing to take back any more. */
  async revert(app: string, version: number, show?: Show): Promise<RevertItem | undefined> {
    const path = `${appPath(app, "releases", String(version))}/actions/revert`;
    const answer = await this.#release<RevertItem>(this.#signed("POST", path, {}), show);
    return answer.release === undefined ? undefined : answer.body;
  }
  /** Newest first. */
  builds = (app: string): Promise<BuildItem[]> => this.#get(appPath(app, "builds"));
  /** By the beginning of its id, or `newest`. */
  build = (app: string, id: string): Promise<BuildItem> => this.#get(appPath(app, "builds", id));
  /** What it printed, and goes on to print. */
  buildOutput = (app: string, id: string): Promise<StreamedAnswer> =>
    this.#open({ method: "GET", path: appPath(app, "builds", id, "output") });
  /** By the beginning of its id, or `running`. */
  cancelBuild = (app: string, id: string): Promise<BuildItem> => this.#change("DELETE", appPath(app, "builds", id));
  /** Newest first.
   *  @param verify read every file */
  slugs = (app: string, { verify }: { verify: boolean }): Promise<SlugItem[]> =>
    this.#get(`${appPath(app, "slugs")}${verify ? "?verify=true" : ""}`);
  diskUse = (app: string): Promise<DiskItem> => this.#get(appPath(app, "disk"));
  /** What the build and the release command printed, and go on to print. */
  releaseOutput = (app: string, version: ReleaseWord): Promise<StreamedAnswer> =>
    this.#open({ method: "GET", path: appPath(app, "releases", String(version), "output") });
  planRevert = (app: string, version: number): Promise<{ changes: RevertChanges }> =>
    this.#change("POST", `${appPath(app, "releases", String(version))}/actions/revert`, { dry_run: true });
  marks = (app: string): Promise<Mark[]> => this.#get(appPath(app, "marks"));
  /** Null takes the mark away. */
  mark = (app: string, version: number, reason: string | null): Promise<ReleaseItem> =>
    this.#change("PATCH", appPath(app, "releases", String(version)), { bad: reason });

  verifyReleases = (app: string): Promise<VerifyReport> => this.#get(appPath(app, "releases", "actions", "verify"));
  /** Without a base: against the newest release before it that ran. */
  diff = (app: string, release: ReleaseWord, base: number | undefined): Promise<ReleaseDiff> =>
    this.#get(diffPath(app, release, { base }));
  /** The code alone, as `git diff` prints it. */
  patch(app: string, release: ReleaseWord, options: PatchOptions): Promise<StreamedAnswer> {
    const question: Question = { method: "GET", path: diffPath(app, release, { ...options, patch: true }) };
    return this.#open(question);
  }

  config = (app: string): Promise<Record<string, string>> => this.#get(appPath(app, "config-vars"));
  /** The version of the release that the change made, or undefined when nothing changed. With `since`, the version of
   *  the release that was read, it is refused if somebody else has changed the same names after that. */
  async changeConfig(
    app: string,
    change: Record<string, string | null>,
    how: ChangeOptions = {},
  ): Promise<number | undefined> {
    const question = this.#signed("PATCH", appPath(app, "config-vars"), change);
    const base = how.since === undefined ? {} : { "git-heroku-since": String(how.since) };
    return (await this.#release({ ...question, headers: { ...question.headers, ...base } }, how.show)).release;
  }
  async rotateConfigKey(app: string, show?: Show): Promise<ReleaseItem> {
    const path = `${appPath(app, "config-vars")}/actions/rotate-key`;
    return (await this.#release<ReleaseItem>(this.#signed("POST", path), show)).body;
  }

  configBlame = (app: string): Promise<ConfigBlameItem[]> => this.#get(appPath(app, "config-blame"));
  configHistory = (app: string, name: string, values: boolean): Promise<ConfigHistoryItem[]> =>
    this.#get(appPath(app, "config-history", name) + queryOf({ values }));
  domains = (app: string): Promise<DomainItem[]> => this.#get(appPath(app, "domains"));
  addDomains = (app: string, hostnames: readonly string[]): Promise<DomainItem[]> =>
    this.#change("POST", appPath(app, "domains"), { hostnames });
  removeDomain = (app: string, hostname: string): Promise<DomainItem> =>
    this.#change("DELETE", appPath(app, "domains", hostname));

  buildpacks = (app: string): Promise<BuildpackItem[]> => this.#get(appPath(app, "buildpack-installations"));
  /** The whole list. */
  setBuildpacks = (app: string, names: readonly string[]): Promise<BuildpackItem[]> =>
    this.#change("PUT", appPath(app, "buildpack-installations"), {
      updates: names.map((buildpack) => ({ buildpack })),
    });
  drains = (app: string, extended: boolean): Promise<DrainItem[]> =>
    this.#get(appPath(app, "log-drains") + queryOf({ extended }));
  addDrain = (app: string, url: string): Promise<DrainItem> =>
    this.#change("POST", appPath(app, "log-drains"), { url });
  /** By its URL, token or id. */
  removeDrain = (app: string, which: string): Promise<DrainItem> =>
    this.#change("DELETE", appPath(app, "log-drains", which));

  settings = (app: string): Promise<Record<string, string>> => this.#get(appPath(app, "settings"));
  changeSettings = (app: string, change: Record<string, string | null>): Promise<Record<string, string>> =>
    this.#change("PATCH", appPath(app, "settings"), change);

  logProcesses = (app: string, which: Log.WhichLog = {}): Promise<string[]> =>
    this.#get(appPath(app, "log-processes") + queryOf(which));
  /** The lines as NDJSON; empty lines only keep the connection alive. */
  logs = (app: string, query: Log.LogQuery): Promise<StreamedAnswer> =>
    this.#open({ method: "GET", path: appPath(app, "logs") + queryOf(query) });
  /** How many lines there are. */
  logCount = (app: string, query: Log.LogQuery): Promise<{ count: number }> =>
    this.#get(appPath(app, "log-count") + queryOf(query));
  logStats = (app: string, query: Log.LogStatsQuery): Promise<LogStats> =>
    this.#get(appPath(app, "log-stats") + queryOf(query));
  logErrors = (app: string, query: Log.LogRange & { groups: number }): Promise<LogErrors> =>
    this.#get(appPath(app, "log-errors") + queryOf(query));
  /** Those that will not change any more, oldest first. */
  logSegments = (app: string): Promise<Log.LogSegmentItem[]> => this.#get(appPath(app, "log-segments"));
  logSegment = (app: string, name: string): Promise<StreamedAnswer> =>
    this.#open({ method: "GET", path: appPath(app, "log-segments", name) });
  logSegmentIndex = (app: string, name: string): Promise<StreamedAnswer> =>
    this.#open({ method: "GET", path: appPath(app, "log-segments", name, "index") });
  logImports = (app: string): Promise<Log.LogImportItem[]> => this.#get(appPath(app, "log-imports"));
  removeLogImport = (app: string, name: string): Promise<unknown> =>
    this.#change("DELETE", appPath(app, "log-imports", name));
  /** The bytes are sent once: a daemon that is not awake must be woken before. */
  importLogs(app: string, name: string, stream: Readable): Promise<Log.LogImportResult> {
    const question = this.#signed("POST", appPath(app, "log-imports", name));
    return upload(this.line, { ...question, stream });
  }

  /** A tar, its keys encrypted for the age recipient. */
  backup = (app: string, recipient: string): Promise<StreamedAnswer> =>
    this.#open(this.#signed("POST", appPath(app, "backups"), { recipient }));
  /** A `RestoreLine` as JSON on each line. */
  restore = (order: RestoreOrder): Promise<StreamedAnswer> => this.#open(this.#signed("POST", "/restores", order));

  platform = (): Promise<PlatformInfo> => this.#get("/platform");
  stopPlatform = (apps: boolean): Promise<unknown> => this.#change("POST", "/platform/actions/stop", { apps });
  replaceRouter = (): Promise<RouterInfo> => this.#change("POST", "/platform/actions/replace-router");
  doctor = (): Promise<DoctorCheck[]> => this.#get("/platform/doctor");

  #get<T>(path: string, headers: Record<string, string> = {}): Promise<T> {
    return this.#ask<T>({ method: "GET", path, headers });
  }

  async #change<T>(method: Question["method"], path: string, body?: unknown): Promise<T> {
    return this.#ask<T>(this.#signed(method, path, body));
  }

  #signed(method: Question["method"], path: string, body?: unknown): Question {
    const user = formatPerson(this.#options.identity());
    // A header carries bytes, which Node calls latin1: the name travels as UTF-8 all the same.
    const headers = { "git-heroku-user": Buffer.from(user, "utf8").toString("latin1") };
    return body === undefined ? { method, path, headers } : { method, path, headers, body };
  }

  /** A change that makes a release, which may have to wait and to run a release command first. */
  async #release<T>(question: Question, show: Show = () => undefined): Promise<LiveAnswer<T>> {
    return readLiveAnswer(await this.#open(askLive(question)), show);
  }

  #open(question: Question): Promise<StreamedAnswer> {
    return this.#asker.open(question);
  }

  #ask<T>(question: Question): Promise<T> {
    return this.#asker.ask(question);
  }
}
