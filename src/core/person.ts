/** Who did it: a name and an address, cleaned so that they can stand in a git commit header, a trailer or a log line. */

export interface Person {
  name: string;
  email: string;
}

const MAX_LENGTH = 200;

/** Drops what could end a header line or an address: control characters and angle brackets. */
export function cleanName(text: string): string {
  return (
    text
      .replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029<>]/g, "")
      .trim()
      .slice(0, MAX_LENGTH)
      // Half a character has no UTF-8 form; the cut may have made one.
      .replace(/\p{Surrogate}/gu, "")
      .trim()
  );
}

/** Reads `Ned Foo <ned@foobazco.com>`, with or without git's trailing `1795419055 +0000`, or a bare address. */
export function parsePerson(text: string): Person | undefined {
  const ident = /^([^<]*)<([^>]*)>/.exec(text);
  const email = cleanName(ident?.[2] ?? (text.includes("@") ? text : ""));
  if (email === "") return undefined;
  return { name: cleanName(ident?.[1] ?? "") || email, email };
}

export function formatPerson(person: Person): string {
  return `${person.name} <${person.email}>`;
}

/** The platform itself, as the author of what it does unasked and the committer of every release. */
export const PLATFORM_PERSON: Person = { name: "git-heroku", email: "platform@git-heroku" };
