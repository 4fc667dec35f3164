/** How the daemon's program tells whoever has started it that another one serves the home, which may still be on its way:
 *  sysexits' EX_TEMPFAIL. */
export const ALREADY_SERVED = 75;
