/** Where docs/api.md tells of each route, and the tags that /schema gives it. */

interface Chapter {
  title: string;
  /** First parts of paths; without a slash in front, of those below an app. */
  parts: readonly string[];
  /** Prose beside the routes, files `*.md` of this directory: what stands before the first heading begins the chapter, the rest
   *  ends it. */
  prose: readonly string[];
}

/** In their order. */
export const CHAPTERS: readonly Chapter[] = [
  {
    title: "Apps",
    parts: ["/apps", "", "settings", "features", "collaborators", "disk", "/filters", "/app-setups"],
    prose: ["app-routes", "app-setup-routes"],
  },
  { title: "Config vars", parts: ["config-vars", "config-blame", "config-history"], prose: ["config-routes"] },
  {
    title: "Processes",
    parts: ["formation", "dynos", "formations", "limits", "/attachments", "/rendezvous"],
    prose: ["formation-routes", "one-off-routes"],
  },
  { title: "Releases", parts: ["releases", "/outputs", "marks", "bisect"], prose: ["release-routes"] },
  {
    title: "Builds",
    parts: ["builds", "build-cache", "/sources", "sources", "slugs", "buildpack-installations"],
    prose: ["buildpack-routes", "source-routes"],
  },
  { title: "Git", parts: ["/:app.git"], prose: ["git-routes"] },
  { title: "Domains", parts: ["domains"], prose: [] },
  {
    title: "Logs",
    parts: [
      "logs",
      "log-count",
      "log-processes",
      "log-stats",
      "log-errors",
      "log-sessions",
      "/log-sessions",
      "log-segments",
      "log-imports",
    ],
    prose: ["log-routes", "log-session-routes", "log-analysis-routes", "log-copy-routes"],
  },
  { title: "Drains", parts: ["log-drains"], prose: [] },
  { title: "Webhooks", parts: ["webhooks", "webhook-deliveries", "webhook-events"], prose: [] },
  {
    title: "Pipelines",
    parts: ["actions", "/pipelines", "pipeline-couplings", "/pipeline-couplings", "/pipeline-promotions"],
    prose: ["pipeline-routes"],
  },
  { title: "Backups", parts: ["backups", "/restores"], prose: ["backup-routes"] },
  {
    title: "People",
    parts: ["/account", "/users", "/oauth", "/teams"],
    prose: ["key-routes"],
  },
  { title: "The daemon", parts: ["/health", "/schema", "/platform", "/regions", "/stacks"], prose: [] },
];

/** Of what Heroku has and this platform has not. */
export const ABSENT_CHAPTER: Chapter = {
  title: "Not here",
  parts: [
    "/actions",
    "/addon-services",
    "/addons",
    "/addon-attachments",
    "/telemetry-drains",
    "addons",
    "addon-attachments",
    "sni-endpoints",
    "telemetry-drains",
  ],
  prose: ["absent-routes"],
};

const titles = new Map(
  [...CHAPTERS, ABSENT_CHAPTER].flatMap(({ title, parts }) => parts.map((part): [string, string] => [part, title])),
);

/** What its place goes by. */
export function partOf(url: string): string {
  const [, first = "", , below = ""] = url.split("/");
  return first === "apps" && url !== "/apps" ? below : `/${first}`;
}

/** Undefined for a route that nobody has found a place for. */
export function chapterOf(url: string): string | undefined {
  return titles.get(partOf(url));
}
