/** Heroku's codes for what goes wrong with processes (R) and logs (L), as lines of an app's log have them. Those of requests
 *  (H) are the router's. Source: devcenter.heroku.com/articles/error-codes. */

/** Code → Heroku's name of it; L12 goes without one. */
export const ERROR_NAMES = {
  L10: "output buffer overflow",
  L11: "Tail buffer overflow",
  L12: undefined,
  L14: "certificate validation",
  R10: "Boot timeout",
  R12: "Exit timeout",
  R13: "Attach error",
  R14: "Memory quota exceeded",
  R15: "Memory quota vastly exceeded",
  R16: "Detached",
  R17: "Checksum error",
} as const;

/** How a line about it begins: `Error R10 (Boot timeout)`. */
export function errorHead(code: keyof typeof ERROR_NAMES): string {
  const name = ERROR_NAMES[code];
  return name === undefined ? `Error ${code}` : `Error ${code} (${name})`;
}
