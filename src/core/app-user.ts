/** The user that an app's processes run as when the platform runs as root: a number that no account of the machine has, made of
 *  the app's id. So it is the same after a restart, on another machine and after a restore, and nothing has to be kept. */

/** systemd leaves these to nobody (its "Users, Groups, UIDs and GIDs"), and no distribution gives them to accounts. */
const FIRST = 0x70000000;
const LAST = 0x7ffdffff;

/** User and group id.
 *  @param appId a UUID */
export function appUser(appId: string): number {
  const digits = appId.replaceAll("-", "").slice(0, 12);
  return FIRST + (Number.parseInt(digits, 16) % (LAST - FIRST + 1));
}
