/** What the commands of access have in common: the permissions that they take. */
import { parsePermissions, type Permission } from "../core/access.ts";
import type { Arguments, Option } from "./command.ts";

export const PERMISSIONS_OPTION: Option = {
  name: "permissions",
  short: "p",
  value: "LIST",
  summary: "of view, deploy, operate, manage",
  completes: ["view,deploy", "view,operate", "view,deploy,operate", "manage"],
};

/** Undefined when none are given.
 *  @throws AppError invalid_params */
export function permissionsIn(args: Arguments): Permission[] | undefined {
  const list = args.value("permissions");
  return list === undefined ? undefined : parsePermissions(list.split(",").map((word) => word.trim()));
}
