/** Which lines a filter takes: what their heads tell, and what their messages say. */
import type { BlockTable } from "./block-index.ts";
import { copyLines, LineMatcher } from "./line-matcher.ts";
import type { HeadFilter } from "./line-matcher.ts";
import { PatternSearch } from "./pattern-search.ts";
import { readCandidates } from "./signature.ts";
import type { Candidates, SignedSegment, SoughtRows } from "./signature.ts";
import { TextSearch } from "./text-search.ts";

export interface LogFilter extends HeadFilter {
  /** A text in the message. */
  search?: string | undefined;
  /** A regular expression that the message matches; not together with `search`. */
  regex?: string | undefined;
  /** For `search` the letters of ASCII alone. */
  ignoreCase?: boolean | undefined;
  /** The lines that `search` or `regex` would leave out. */
  invert?: boolean | undefined;
}

/** Which blocks are worth reading. */
export interface BlockSelection {
  mayBeIn(blocks: BlockTable, number: number): boolean;
  /** The same of all of them. */
  mayBeInAll(blocks: BlockTable): boolean;
  /** Whether nothing else tells. */
  readonly hasNoCandidates: boolean;
  /** Undefined where nothing is known. */
  candidates(target: SignedSegment, blocks: BlockTable): Promise<Candidates | undefined>;
}

export class LineSelection implements BlockSelection {
  readonly filter: LogFilter;
  readonly matchesAll: boolean;
  /** Everything but what makes a line a hit: neighbours of a hit are taken from these. */
  readonly scope: LineMatcher;
  private readonly matcher: LineMatcher;
  private readonly text: TextSearch | undefined;
  private readonly pattern: PatternSearch | undefined;

  /** @throws AppError invalid_params for a pattern that is none. */
  constructor(filter: LogFilter, { isEndless }: { isEndless: boolean }) {
    const { search, regex, ignoreCase = false } = filter;
    this.filter = filter;
    this.matcher = new LineMatcher(filter);
    this.scope = new LineMatcher({ ...filter, levels: undefined });
    this.text = search === undefined ? undefined : new TextSearch(search, ignoreCase);
    this.pattern = regex === undefined ? undefined : new PatternSearch(regex, { ignoreCase, isEndless });
    this.matchesAll = this.matcher.matchesAll && search === undefined && regex === undefined;
  }

  /** Whether a block may have a line that is selected. */
  mayBeIn(blocks: BlockTable, number: number): boolean {
    return this.matcher.mayBeIn(blocks, number);
  }

  /** Whether whole lines may have one that is selected, by a quick look for the text. */
  mayHave(lines: Buffer): boolean {
    return this.text === undefined || this.filter.invert === true || this.text.mayBeIn(lines);
  }

  mayBeInAll(blocks: BlockTable): boolean {
    return this.matcher.mayBeInAll(blocks);
  }

  get hasNoCandidates(): boolean {
    return this.rows === undefined;
  }

  /** Blocks of a segment that may have the text; undefined when its signature does not tell. */
  async candidates(target: SignedSegment, blocks: BlockTable): Promise<Candidates | undefined> {
    const { rows } = this;
    return rows === undefined ? undefined : readCandidates(target, blocks, rows);
  }

  private get rows(): SoughtRows | undefined {
    const rows = this.filter.invert === true ? undefined : this.text?.rows;
    return rows?.isEmpty === true ? undefined : rows;
  }

  /** The lines of whole lines that are selected, as offsets: start, end, start, end … */
  async select(lines: Buffer): Promise<number[]> {
    const found = this.selectNow(lines);
    return this.pattern?.filter(lines, found, this.filter.invert ?? false) ?? found;
  }

  /** The same, but for a pattern, which is looked for in a thread. */
  selectNow(lines: Buffer): number[] {
    const { text, matcher } = this;
    if (text === undefined) return matcher.select(lines);
    return this.filter.invert === true ? text.reject(lines, matcher.select(lines)) : text.select(lines, matcher);
  }

  /** The same lines next to each other; of lines in the area of a borrowed kernel they are there too, until the next are.
   *  `areOurs`: they are known to begin and end as the store writes them. */
  async collect(lines: Buffer): Promise<{ bytes: Buffer; areOurs: boolean }> {
    const picked = this.loneMatcher?.pick(lines, false);
    return picked ?? { bytes: copyLines(lines, await this.select(lines)), areOurs: false };
  }

  /** How many lines `select` finds. */
  async count(lines: Buffer): Promise<number> {
    const counted = this.loneText?.count(lines) ?? this.loneMatcher?.pick(lines, true)?.lines;
    return counted ?? (await this.select(lines)).length / 2;
  }

  /** Blocks that may have the context of a hit: it may be anywhere. */
  get neighbours(): BlockSelection {
    return {
      mayBeIn: (blocks, number) => this.scope.mayBeIn(blocks, number),
      mayBeInAll: (blocks) => this.scope.mayBeInAll(blocks),
      hasNoCandidates: true,
      candidates: async () => undefined,
    };
  }

  /** The text, where that is all that a line is asked for. */
  get loneText(): TextSearch | undefined {
    return this.matcher.matchesAll && this.filter.invert !== true ? this.text : undefined;
  }

  /** What tells from heads, where that is all that a line is asked for. */
  private get loneMatcher(): LineMatcher | undefined {
    return this.text === undefined && this.pattern === undefined ? this.matcher : undefined;
  }

  /** Gives back what it holds, whatever is under way. */
  async close(): Promise<void> {
    await this.pattern?.close();
  }
}
