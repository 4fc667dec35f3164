/** A ledger made by hand: right in every point unless told otherwise, signed by test keys. What a release is like comes
 *  from a few words (`config`, `rollback v2`) and edits, as the vectors of test/vectors/ledger write them. */
import { RawObjects, type RawEntry } from "./raw-objects.ts";
import { signAs, testKey, type SignatureForm } from "./test-keys.ts";

/** A verb and what stands behind it. */
export interface Edit {
  verb: string;
  rest: string;
}

export interface ForgedCommit {
  version: number;
  oid: string;
  text: string;
  entries: Map<string, RawEntry>;
  code: string | undefined;
  signature: string | undefined;
}

interface Draft {
  version: number;
  change: string;
  subject: string;
  trailers: [name: string, value: string][];
  message: string | undefined;
  parents: string[];
  author: string;
  committer: string;
  headers: string[];
  entries: Map<string, RawEntry>;
  extra: RawEntry[];
  isSorted: boolean;
  code: string | undefined;
  key: string | undefined;
  form: SignatureForm;
  signature: string | undefined;
  repeatSignature: boolean;
  replacements: [from: string, to: string][];
}

const START = 1_795_419_055;
const ENCRYPTED = Buffer.alloc(120, 7).toString("base64");
const PUBLIC_KEY_LINE = `DOTENV_PUBLIC_KEY="02${"ab".repeat(32)}"\n`;
const MISSING_OID = "dead".repeat(10);

export class ForgedLedger {
  readonly objects = new RawObjects();
  readonly releases: ForgedCommit[] = [];
  readonly states: ForgedCommit[] = [];
  #codes = 0;

  get head(): string {
    return this.releases.at(-1)?.oid ?? MISSING_OID;
  }

  /** `initial`, `deploy`, `config`, `rollback v2`, `revert v2` or another change. */
  release(words: string, edits: readonly Edit[] = []): ForgedCommit {
    const draft = this.#draftRelease(words);
    for (const edit of edits) this.#apply(draft, edit);
    const made = this.#write(draft);
    this.releases.push(made);
    return made;
  }

  state(edits: readonly Edit[] = []): ForgedCommit {
    const before = this.states.at(-1);
    const draft = this.#draft(this.states.length + 1, before);
    Object.assign(draft, {
      subject: "Scale to web=2",
      trailers: [
        ["Change", "state"],
        ["Via", "local"],
      ],
    });
    draft.entries = new Map(before?.entries ?? [this.#file("formation.json", '{\n  "web": 2\n}\n')]);
    for (const edit of edits) this.#apply(draft, edit);
    const made = this.#write(draft);
    this.states.push(made);
    return made;
  }

  writeTo(gitDir: string): Promise<void> {
    const state = this.states.at(-1)?.oid;
    return this.objects.writeTo(gitDir, {
      "refs/heads/releases": this.head,
      ...(state === undefined ? {} : { "refs/heroku/state": state }),
    });
  }

  #draft(version: number, before: ForgedCommit | undefined): Draft {
    return {
      version,
      change: "",
      subject: "",
      trailers: [],
      message: undefined,
      parents: before === undefined ? [] : [before.oid],
      author: `Ned <ned@foobazco.com> ${String(START + version)} +0000`,
      committer: `git-heroku <platform@git-heroku> ${String(START + version)} +0000`,
      headers: [],
      entries: new Map(),
      extra: [],
      isSorted: true,
      code: before?.code,
      key: "ledger",
      form: {},
      signature: undefined,
      repeatSignature: false,
      replacements: [],
    };
  }

  #draftRelease(words: string): Draft {
    const [change = "", target] = words.split(" ");
    const before = this.releases.at(-1);
    const draft = this.#draft((before?.version ?? 0) + 1, before);
    const named = target === undefined ? undefined : this.#named(target);
    // A rollback is a copy of what it names; a revert goes on from the release before it.
    const source = change === "rollback" && target !== undefined ? named : before;
    draft.change = change;
    draft.subject = `v${String(draft.version)}: ${change} of a test`;
    draft.code = source?.code;
    draft.entries = new Map(source?.entries ?? []);
    if (before === undefined) this.#startFiles(draft);
    if (change === "deploy") this.#deployFiles(draft);
    if (change === "config") this.#setFile(draft, "config.env", this.#configOf(draft, before));
    if (draft.code !== undefined) draft.parents.push(draft.code);
    draft.trailers = [
      ["Release", `v${String(draft.version)}`],
      ["Change", change],
      ...optional("Code", draft.code),
      ...optional(
        change === "revert" ? "Reverts" : "Rollback-To",
        target === undefined ? undefined : `${target} ${named?.oid ?? MISSING_OID}`,
      ),
      ["Status", "succeeded"],
      ["Via", "local"],
      ...optional("Ledger-Key", before === undefined ? testKey("ledger").publicKey : undefined),
    ];
    return draft;
  }

  #startFiles(draft: Draft): void {
    this.#setFile(draft, "addons.json", "{}\n");
    this.#setFile(draft, "config.env", PUBLIC_KEY_LINE);
  }

  #deployFiles(draft: Draft): void {
    this.#codes += 1;
    const file = this.objects.put("blob", `// ${String(this.#codes)}\n`);
    const tree = this.objects.putTree([{ mode: "100644", name: "web.js", oid: file }]);
    const who = `Rick <rick@foobazco.com> ${String(START)} +0000`;
    draft.code = this.objects.put("commit", `tree ${tree}\nauthor ${who}\ncommitter ${who}\n\nCode\n`);
    draft.entries.set("code", { mode: "40000", name: "code", oid: tree });
    this.#setFile(draft, "Procfile", "web: node web.js\n");
  }

  #configOf(draft: Draft, before: ForgedCommit | undefined): string {
    const old = this.objects.text(before?.entries.get("config.env")?.oid ?? "") || PUBLIC_KEY_LINE;
    return `${old}V${String(draft.version).padStart(6, "0")}='encrypted:${ENCRYPTED}'\n`;
  }

  #file(name: string, text: string): [string, RawEntry] {
    return [name, { mode: "100644", name, oid: this.objects.put("blob", text) }];
  }

  #setFile(draft: Draft, name: string, text: string): void {
    draft.entries.set(...this.#file(name, text));
  }

  #named(name: string): ForgedCommit | undefined {
    const list = name.startsWith("s") ? this.states : this.releases;
    return list.find(({ version }) => version === Number(name.slice(1)));
  }

  #write(draft: Draft): ForgedCommit {
    const tree = this.objects.putTree([...draft.entries.values(), ...draft.extra], draft.isSorted);
    const trailers = draft.trailers.map(([name, value]) => `${name}: ${value}\n`).join("");
    const heads = [`tree ${tree}`, ...draft.parents.map((oid) => `parent ${oid}`)];
    heads.push(`author ${draft.author}`, `committer ${draft.committer}`, ...draft.headers);
    let payload = `${heads.join("\n")}\n\n${draft.message ?? `${draft.subject}\n\n${trailers}`}`;
    for (const [from, to] of draft.replacements) {
      if (!payload.includes(from)) throw new Error(`There is no ${JSON.stringify(from)} to replace.`);
      payload = payload.replace(from, to);
    }
    const signature =
      draft.signature ?? (draft.key === undefined ? undefined : signAs(testKey(draft.key), payload, draft.form));
    const header = signature === undefined ? "" : `\ngpgsig ${signature.replaceAll("\n", "\n ")}`;
    const end = payload.indexOf("\n\n");
    const text = payload.slice(0, end) + header + (draft.repeatSignature ? header : "") + payload.slice(end);
    const { version, code, entries } = draft;
    return { version, code, entries, signature, text, oid: this.objects.put("commit", text) };
  }

  #apply(draft: Draft, { verb, rest }: Edit): void {
    const [first = "", ...others] = rest.split(" ");
    const value = others.join(" ");
    const trailer = (): [string, string] => [
      first.replace(/:$/, ""),
      value.replace(/\$([a-z]+)/, (_, key: string) => testKey(key).publicKey),
    ];
    const edits: Record<string, () => unknown> = {
      subject: () => (draft.subject = rest),
      message: () => (draft.message = JSON.parse(rest) as string),
      trailer: () => (draft.trailers = replaceOrAdd(draft.trailers, trailer())),
      "add-trailer": () => draft.trailers.push(trailer()),
      "no-trailer": () => (draft.trailers = draft.trailers.filter(([name]) => name !== first)),
      author: () => (draft.author = rest),
      committer: () => (draft.committer = rest),
      header: () => draft.headers.push(rest),
      replace: () => draft.replacements.push(JSON.parse(`[${rest}]`) as [string, string]),
      "no-parents": () => (draft.parents = []),
      parents: () => (draft.parents = rest.split(" ").map((name) => this.#oidOf(draft, name))),
      file: () => this.#setFile(draft, first, JSON.parse(value) as string),
      large: () => this.#setFile(draft, first, "#".repeat(Number(value))),
      "no-entry": () => draft.entries.delete(first),
      mode: () => draft.entries.set(first, { ...(draft.entries.get(first) ?? none(first)), mode: value }),
      entry: () => draft.extra.push({ mode: value, name: first, oid: this.objects.put("blob", "../../etc/passwd") }),
      "entry-of": () => draft.entries.set(first, this.#named(value)?.entries.get(first) ?? none(first)),
      unsorted: () => ((draft.isSorted = false), (draft.entries = new Map([...draft.entries].toReversed()))),
      sign: () => (draft.key = rest === "none" ? undefined : rest),
      form: () => (draft.form = JSON.parse(rest) as SignatureForm),
      "signature-of": () => (draft.signature = this.#named(rest)?.signature),
      "signature-twice": () => (draft.repeatSignature = true),
      armour: () => (draft.signature = JSON.parse(rest) as string),
      lose: () => this.objects.lose(draft.entries.get(rest)?.oid ?? ""),
    };
    const edit = edits[verb];
    if (edit === undefined) throw new Error(`There is no edit ${verb}.`);
    edit();
  }

  #oidOf(draft: Draft, name: string): string {
    if (name === "code") return draft.code ?? MISSING_OID;
    return this.#named(name)?.oid ?? MISSING_OID;
  }
}

function optional(name: string, value: string | undefined): [string, string][] {
  return value === undefined ? [] : [[name, value]];
}

function none(name: string): RawEntry {
  return { mode: "100644", name, oid: MISSING_OID };
}

function replaceOrAdd(list: [string, string][], [name, value]: [string, string]): [string, string][] {
  if (!list.some(([known]) => known === name)) return [...list, [name, value]];
  return list.map(([known, old]) => [known, known === name ? value : old]);
}
