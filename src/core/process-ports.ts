/** The ports that a platform gives to web processes: outside of those that systems hand out by themselves. */
export const PROCESS_PORTS = { first: 20_000, last: 29_999 } as const;
