/** Where in a text its rarest bytes are: looking for these first, most places of a log are passed over at once. */

/** Of a longer text only these are considered. */
const PLACES_MAX = 64;

/** In logs the most frequent bytes first; what is not here is rare. */
const FREQUENT = Buffer.from(' e0a1t2o3r4s5i6n7"8d9=cpul-m.:/fbh_gv,\\');

/** The higher the rarer. */
function rank(byte: number): number {
  return FREQUENT.includes(byte) ? FREQUENT.indexOf(byte) : FREQUENT.length;
}

/** Of the two bytes that are rarest in logs. */
export function rarePlaces(bytes: Buffer): { one: number; two: number } {
  const places = [...bytes.subarray(0, PLACES_MAX).keys()];
  places.sort((a, b) => rank(bytes[b] as number) - rank(bytes[a] as number));
  const [one = 0, two = one] = places;
  return { one, two };
}
