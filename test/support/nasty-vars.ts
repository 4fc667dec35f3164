/** Config vars that are hard to write down: everything that means something to dotenv, to a shell or to an editor. */
import fc from "fast-check";

const PIECES = ["'", '"', "`", "\\", "\\n", "\\r", "\n", "\r", "\r\n", "#", " #", "=", "$(x)", "${A}", " ", "\t", "a"];
const MORE = ["\u2028", "\u2029", "\u00a0", "\ufeff", "export ", "B=", ": ", "encrypted", "ž🐎", "\u0001", "'\\''"];

const nasty = fc.array(fc.constantFrom(...PIECES, ...MORE), { maxLength: 9 }).map((parts) => parts.join(""));
const plain = fc.string({ unit: "grapheme", maxLength: 20 });

export const nastyValue = fc
  .oneof(nasty, plain)
  .filter((text) => !/\0|\p{Surrogate}/u.test(text) && !text.startsWith("encrypted:"));

const name = fc.constantFrom("A", "B", "_c", "constructor", "EXPORT", "export", "D1");
export const nastyVars = fc.dictionary(name, nastyValue, { noNullPrototype: true, maxKeys: 6 });
