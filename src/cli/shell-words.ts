/** Words of a command line for the shell that will run them on the platform. One word is a command line already, with
 *  its pipes and variables; several arrive there as the words that they are here. */

const PLAIN = /^[A-Za-z0-9_@%+=:,./-]+$/;

export function shellCommand(words: readonly string[]): string {
  const [only] = words;
  return words.length === 1 && only !== undefined ? only : words.map(quoteWord).join(" ");
}

function quoteWord(word: string): string {
  return PLAIN.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
