/** The shape of a request's path, so that `/orders/17?page=2` and `/orders/18` count as one: what follows `?` is cut, and
 *  parts that name one thing of many are `:id` or `:uuid`. Version numbers such as `v2` stay. */

const LENGTH_MAX = 100;
const PARTS_MAX = 8;
const UUID = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;
/** What has none names a kind, not one of many. */
const DIGIT = /[0-9]/;
const NUMBER = /^[0-9]+$/;
/** A number or hexadecimal name within a part: `app-3f2a9c1b.js`, `order-1234`. */
const INNER = /(?<![0-9A-Za-z])(?:[0-9]{3,}|(?=[a-f]*[0-9])[0-9a-f]{8,})(?![0-9A-Za-z])/gi;
/** Tokens, ULIDs, base64: long, with letters and digits and no dot. */
const TOKEN = /^(?=[^0-9]*[0-9])(?=[^A-Za-z]*[A-Za-z])[A-Za-z0-9_~=-]{20,}$/;

export function pathShape(path: string): string {
  const end = path.search(/[?#;]/);
  const bare = end === -1 ? path : path.slice(0, end);
  const parts = bare.split("/");
  const shape = parts
    .slice(0, PARTS_MAX + 1)
    .map((part) => partShape(part))
    .join("/");
  const whole = parts.length > PARTS_MAX + 1 ? `${shape}/..` : shape;
  return whole.length <= LENGTH_MAX ? whole : `${whole.slice(0, LENGTH_MAX - 2)}..`;
}

function partShape(part: string): string {
  if (!DIGIT.test(part)) return part;
  if (NUMBER.test(part)) return ":id";
  if (UUID.test(part)) return ":uuid";
  if (TOKEN.test(part)) return ":id";
  return part.replace(INNER, ":id");
}
