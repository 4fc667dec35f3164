/** Platform API objects (docs/api.md): how an app, a dyno, a formation entry and a release look on the wire.
 *  Field sets are Heroku's, so that its own clients can read them; ours ride along as extra fields. */
import { createHash } from "node:crypto";
import type { FastifyRequest } from "fastify";
import type { Release } from "../core/release.ts";
import { RecentMap } from "../core/recent-map.ts";
import { ONE_OFF_TYPE, RELEASE_TYPE, type Procfile } from "../core/procfile.ts";
import { quantityOf } from "../core/app-state.ts";
import { neutralise } from "../core/terminal-text.ts";
import { idOfObject, type App, type DynoInfo } from "../platform/app.ts";
import { accessOf } from "../platform/access.ts";
import type { ReleaseDetails } from "../platform/describe-release.ts";
import { marksOf } from "../platform/marks.ts";
import type { Platform } from "../platform/platform.ts";
import { visitorOf } from "./caller.ts";
import { baseUrl, type Links } from "./links.ts";
import { versionsWithOutput } from "../platform/release-output.ts";
import { isEligible } from "../platform/rollback.ts";

/** The only one: what a process may use is said by limits. */
export const DYNO_SIZE = "Basic";

/** What builds and processes run on: the machine itself. */
export const STACK = "host";

/** Heroku's first, whose clients read logs and run processes in the way that this platform knows. */
export const GENERATION = "cedar";

export type Resource = Record<string, unknown>;

export function iso(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
}

/** Those asked for last: a list has the same person in each row. */
const ids = new RecentMap<string, string>(500);

/** A UUID that stays the same for the same words. */
export function idOf(...words: string[]): string {
  const text = words.join("\0");
  const known = ids.get(text);
  if (known !== undefined) return known;
  const id = idOfObject(createHash("sha256").update(text).digest("hex"));
  ids.set(text, id);
  return id;
}

export function person(email: string): Resource {
  return { email, id: idOf("person", email) };
}

/** Of what was built of a commit. */
export function slugId(commit: string): string {
  return idOfObject(commit);
}

export const named = (kind: string, name: string): Resource => ({ id: idOf(kind, name), name });

export async function appResource(platform: Platform, app: App, request: FastifyRequest): Promise<Resource> {
  const [first, current, state, { owner }] = await Promise.all([
    app.ledger.get(1),
    app.ledger.current(),
    app.state(),
    accessOf(app),
  ]);
  return {
    id: app.id,
    name: app.name,
    acm: false,
    archived_at: null,
    buildpack_provided_description: null,
    build_stack: named("stack", STACK),
    create_status: "complete",
    created_at: iso(first.createdAt),
    generation: named("generation", GENERATION),
    git_url: gitUrl(platform, app, request),
    internal_routing: null,
    maintenance: state.maintenance,
    organization: null,
    owner: person(owner),
    region: named("region", "local"),
    released_at: current?.code === undefined ? null : iso(current.createdAt),
    repo_size: null,
    slug_size: app.slugs.get(current?.version ?? 0)?.sizeBytes ?? null,
    space: null,
    stack: named("stack", STACK),
    team: null,
    updated_at: iso((current ?? first).createdAt),
    web_url: `${platform.webUrl(app.name)}/`,
  };
}

/** Where its repository is for who asks: on this machine, or behind this API. */
function gitUrl(platform: Platform, { name }: App, request: FastifyRequest): string {
  const isHere = visitorOf(request).isAdmin && baseUrl(platform, request) !== platform.publicUrl;
  return isHere ? platform.home.repo(name) : `${baseUrl(platform, request)}/${name}.git`;
}

export async function dynoResource(app: App, dyno: DynoInfo): Promise<Resource> {
  const [resource = {}] = await dynoResources(app, [dyno]);
  return resource;
}

/** The ledger is asked once for each release, not for each of the many processes that one may have. */
export async function dynoResources(app: App, dynos: readonly DynoInfo[]): Promise<Resource[]> {
  const ids = new Map<string, Promise<string>>();
  const releaseId = (dyno: DynoInfo): Promise<string> => {
    const key = `${dyno.type === RELEASE_TYPE ? "phase of " : ""}${String(dyno.release)}`;
    let id = ids.get(key);
    if (id === undefined) ids.set(key, (id = releaseIdOf(app, dyno)));
    return id;
  };
  return Promise.all(dynos.map(async (dyno) => describe(app, dyno, await releaseId(dyno))));
}

function describe(app: App, dyno: DynoInfo, releaseId: string): Resource {
  return {
    attach_url: null,
    // Heroku's client shows it as it is, and anybody's one-off process has one.
    command: neutralise(dyno.command, false),
    created_at: iso(dyno.since),
    id: dyno.id,
    name: dyno.name,
    release: { id: releaseId, version: dyno.release },
    app: { id: app.id, name: app.name },
    size: DYNO_SIZE,
    state: dyno.state,
    type: dyno.type,
    updated_at: iso(dyno.since),
  };
}

/** A release whose release phase runs has no object yet: nobody can ask for it by this id. */
async function releaseIdOf(app: App, { type, release: version }: DynoInfo): Promise<string> {
  if (type === RELEASE_TYPE && version > ((await app.ledger.head())?.version ?? 0)) return pendingId(app, version);
  return idOfObject((await app.ledger.get(version)).oid);
}

/** Of a release whose release command runs. */
export function pendingId(app: App, version: number): string {
  return idOf(app.id, "release", String(version));
}

/** What Heroku has no field for.
 *  @param host the name of the machine */
export function extendedFields(
  { pid, port, restarts, serving, listed, release }: DynoInfo,
  { host, memory }: { host: string; memory: number | undefined },
): Resource {
  const known = { pid: pid ?? null, port: port ?? null, restarts, serving, listed, release, memory: memory ?? null };
  return { extended: { ...known, host } };
}

export function formationResources(
  app: App,
  procfile: Procfile,
  quantities: Readonly<Record<string, number>>,
  release: Release,
): Resource[] {
  const types = [...procfile.keys()].filter((type) => type !== ONE_OFF_TYPE);
  return types.map((type) => ({
    app: { id: app.id, name: app.name },
    command: procfile.get(type),
    created_at: iso(release.createdAt),
    dyno_size: named("dyno-size", DYNO_SIZE),
    id: idOf(app.id, type),
    quantity: type === RELEASE_TYPE ? 0 : quantityOf(quantities, type),
    size: DYNO_SIZE,
    type,
    updated_at: iso(release.createdAt),
  }));
}

/** With their marks, and where their output is read. */
export async function releaseResources(app: App, releases: readonly Release[], links: Links): Promise<Resource[]> {
  const [current, marks] = await Promise.all([app.ledger.current(), marksOf(app)]);
  const printed = versionsWithOutput(app);
  return releases.map((release) => ({
    ...releaseResource(app, release, current),
    output_stream_url: printed.has(release.version) ? links.releaseOutput(app, release.version) : null,
    mark: marks.get(release.version) ?? null,
  }));
}

export function releaseResource(app: App, release: Release, current: Release | undefined): Resource {
  let resource = fixed.get(release);
  if (resource === undefined) fixed.set(release, (resource = describeRelease(app, release)));
  return { ...resource, current: release.version === current?.version };
}

/** What never changes of a release, which listings tell again and again. */
const fixed = new WeakMap<Release, Resource>();

function describeRelease(app: App, release: Release): Resource {
  return {
    addon_plan_names: [],
    artifacts: [],
    app: { id: app.id, name: app.name },
    created_at: iso(release.createdAt),
    current: false,
    description: release.description,
    eligible_for_rollback: isEligible(release),
    id: idOfObject(release.oid),
    output_stream_url: null,
    slug: release.code === undefined ? null : { id: slugId(release.code) },
    status: release.status,
    updated_at: iso(release.createdAt),
    user: person(release.by.email),
    version: release.version,
    change: release.change,
    commit: release.code ?? null,
    oid: release.oid,
    via: release.via,
  };
}

/** What Heroku's client asks for with `--extended`. */
export function extendedRelease(code: string | undefined): Resource {
  return { extended: { slug_id: code ?? null, slug_uuid: code === undefined ? null : slugId(code) } };
}

/** What is told of a single release only. */
export function detailsResource(details: ReleaseDetails): Resource {
  const { commitSubject, configNames, addonNames, processTypes, copyOf, takesBack } = details;
  return {
    addon_plan_names: addonNames,
    commit_subject: commitSubject ?? null,
    config_names: configNames,
    copy_of: describedRelease(copyOf),
    process_types: Object.fromEntries(processTypes),
    takes_back: describedRelease(takesBack),
  };
}

function describedRelease(release: Release | undefined): Resource | null {
  return release === undefined ? null : { ...releaseName(release), description: release.description };
}

/** A release as the cause of something. */
export function releaseReference(release: Release, more: Resource): Resource {
  const { description, change, by, createdAt } = release;
  return {
    ...more,
    release: releaseName(release),
    description,
    change,
    user: person(by.email),
    created_at: iso(createdAt),
  };
}

function releaseName({ oid, version }: Release): Resource {
  return { id: idOfObject(oid), version };
}
