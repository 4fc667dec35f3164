/** Paths of the Platform API. */

export function appPath(app: string, ...parts: string[]): string {
  return ["/apps", app, ...parts].map((part, index) => (index === 0 ? part : encodeURIComponent(part))).join("/");
}

/** What is off or not given is left out; `ignoreCase` is `ignore_case`. */
export function queryOf(query: object): string {
  const given = (Object.entries(query) as [string, string | number | boolean | undefined][]).filter(
    ([, value]) => value !== undefined && value !== false,
  );
  const names = given.map(([name, value]) => [
    name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
    String(value),
  ]);
  return names.length === 0 ? "" : `?${new URLSearchParams(names).toString()}`;
}

export function diffPath(
  app: string,
  release: number | string,
  query: Record<string, number | boolean | undefined>,
): string {
  return appPath(app, "releases", String(release), "diff") + queryOf(query);
}
