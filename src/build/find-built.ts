/** The slug that the platform's own choice of a buildpack leads to, without a build. */
import { existsSync } from "node:fs";
import { RecentMap } from "../core/recent-map.ts";
import { PROCFILE_KEY } from "./builtin-packs.ts";
import { slugId } from "./choose-packs.ts";
import type { ChosenBuildpack } from "./fetch-buildpack.ts";
import { NODE_BUILDER_KEY } from "./node-builder.ts";
import { findSlug, type Slug } from "./slug-store.ts";

/** Which of the two it was is not known before the tree is read, which a slug makes needless. What other buildpacks have
 *  made is found once they are known. */
export async function findBuilt({
  appDir,
  tree,
  buildpacks = [],
}: {
  appDir: string;
  tree: string;
  buildpacks?: readonly ChosenBuildpack[];
}): Promise<Slug | undefined> {
  if (buildpacks.length > 0) return undefined;
  const place = `${appDir} ${tree}`;
  const known = found.get(place);
  if (known !== undefined && existsSync(known.dir)) return known;
  const slug =
    (await findSlug(appDir, slugId(tree, NODE_BUILDER_KEY))) ?? (await findSlug(appDir, slugId(tree, PROCFILE_KEY)));
  if (slug !== undefined) found.set(place, slug);
  return slug;
}

/** Slugs found by this process, which never change while they are there. */
const found = new RecentMap<string, Slug>(200);
