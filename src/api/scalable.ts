/** The types of a formation that can be scaled: the API, as Heroku's, tells of the release command's too. */
import { RELEASE_TYPE } from "../core/procfile.ts";
import type { FormationItem } from "./resources.ts";

export function scalable(formation: readonly FormationItem[]): FormationItem[] {
  return formation.filter(({ type }) => type !== RELEASE_TYPE);
}
