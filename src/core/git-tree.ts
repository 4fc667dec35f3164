/** The bytes of a git tree: `mode name NUL id` for each entry, sorted as git sorts. */

export interface TreeEntry {
  mode: string;
  name: string;
  oid: string;
}

export const MODE_FILE = "100644";
export const MODE_DIRECTORY = "40000";

const OID_BYTES = 20;
const SPACE = 0x20;
const MODE = /^[1-7][0-7]{4,5}$/;

/** Undefined when the bytes are no tree, or its entries are out of order or there twice. */
export function parseTree(bytes: Uint8Array): TreeEntry[] | undefined {
  const entries: TreeEntry[] = [];
  const decoder = new TextDecoder("latin1");
  let before = "";
  for (let at = 0; at < bytes.length;) {
    const space = bytes.indexOf(SPACE, at);
    const nul = bytes.indexOf(0, at);
    if (space < at || nul < space || nul + OID_BYTES >= bytes.length) return undefined;
    const mode = decoder.decode(bytes.subarray(at, space));
    const name = decoder.decode(bytes.subarray(space + 1, nul));
    // As git compares them: the name of a directory as if a slash followed it.
    const key = mode === MODE_DIRECTORY ? `${name}/` : name;
    if (!MODE.test(mode) || name === "" || key <= before) return undefined;
    entries.push({ mode, name, oid: hex(bytes.subarray(nul + 1, nul + 1 + OID_BYTES)) });
    before = key;
    at = nul + 1 + OID_BYTES;
  }
  return entries;
}

function hex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
  return text;
}
