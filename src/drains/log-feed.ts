/** The log as a drain reads it, whoever keeps it. Nobody is slowed down by a drain: it has a place in the stream and no
 *  more. */

/** A place in the stream: everything before `offset` of `segment`, and every older segment. Names sort as time does. */
export interface Place {
  segment: string;
  offset: number;
}

export interface FeedPiece {
  /** Whole NDJSON lines of one segment that end at `next`; or, when they are no part of it, a word about what was removed
   *  before it was read (`isGap`). */
  lines: Buffer;
  next: Place;
}

export interface LogFeed {
  /** What is stored behind the place, then every new line, until the signal aborts or the log closes.
   *  @throws AppError invalid_params when no line ends there. */
  follow(after: Place, signal: AbortSignal): AsyncIterableIterator<FeedPiece>;
  /** Where the next line will stand. */
  end(): Promise<Place>;
  /** Not behind the first line of that time. */
  since(us: number): Promise<Place>;
}

/** The reader's own word about lines that it never saw stands at the start of the segment that is still there. */
export function isGap({ lines, next }: FeedPiece): boolean {
  return lines.length > next.offset;
}

export function formatPlace({ segment, offset }: Place): string {
  return `${segment}:${String(offset)}`;
}

export function parsePlace(text: unknown): Place | undefined {
  const [, segment, offset] = (typeof text === "string" && /^([^:]*):(\d{1,15})$/.exec(text)) || [];
  return segment === undefined ? undefined : { segment, offset: Number(offset) };
}

/** `20110619T083519.123456Z.ndjson` begins with a line of 2011-06-19T08:35:19. */
export function timeOf(segment: string): string {
  return segment.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d).*$/, "$1-$2-$3T$4:$5:$6");
}
