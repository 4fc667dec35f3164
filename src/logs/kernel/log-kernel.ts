/** The loops over bytes in which a log spends its time, in AssemblyScript for WebAssembly with SIMD: raw lines → records, a text →
 *  the lines that have it, a process → its lines. `npm run kernel` compiles it into src/logs/kernel-code.ts, and
 *  src/logs/log-kernel.ts is its host. For each there is a plain form that says what is right (line-encoder.ts and
 *  level.ts, text-search.ts, line-matcher.ts); tests compare them. Addresses are agreed with the host. It allocates nothing. */

/** u32 × 4: how far it came, bytes written, lines, levels seen (bit n = level n). */
const RESULT: u32 = 1024;
/** u32 × 5: bytes of the head of each level. */
const HEAD_LENGTHS: u32 = 1280;
/** The heads, ready to be copied. */
const HEADS: u32 = 2048;
const HEAD_STRIDE: u32 = 512;
/** Stamps of 27 bytes: the first that counts, the first that no longer does. */
const SINCE: u32 = 0x1c00;
const UNTIL: u32 = 0x1c40;
const NEEDLE: u32 = 0x2000;
const TARGET: u32 = 0x180000;
/** 16 bytes for each set of eight bytes that need a backslash; see `prepare`. */
const SHUFFLES: u32 = 0x6000;
/** Room for found lines ends here. */
const END: u32 = 0x1fff00;
/** What `pick` notes of a part: u32 each, the chunks that have a newline; u32 × 2 each, start and end of lines that may be picked. */
const CHUNKS: u32 = 0x120000;
const LINES: u32 = 0x121000;

const BLOCK_BYTES: u32 = 64 * 1024;
const PART_BYTES_MAX: u32 = 64 * 1024;
const WINDOW_BYTES: u32 = 96;
/** So much stays nearest to the processor. */
const PICK_PART_BYTES: u32 = 16 * 1024;
const CHUNK_BYTES: u32 = 64;

const NEWLINE: u8 = 10;
const RETURN: u8 = 13;
const QUOTE: u8 = 0x22;
const BACKSLASH: u8 = 0x5c;

// — Finding bytes —

/** Of the first such byte at or behind `at`; `stop` when there is none before. */
// @ts-ignore: decorator
@inline
function indexOf(byte: u8, at: u32, stop: u32): u32 {
  const wanted = i8x16.splat(byte);
  for (let p = at; p < stop; p += 16) {
    const mask = i8x16.bitmask(i8x16.eq(v128.load(p), wanted));
    if (mask) return min(p + ctz(mask), stop);
  }
  return stop;
}

/** Behind the last newline before `at`; `from` when there is none. */
function lineStart(at: u32, from: u32): u32 {
  const wanted = i8x16.splat(NEWLINE);
  let p = at;
  while (p >= from + 16) {
    p -= 16;
    const mask = i8x16.bitmask(i8x16.eq(v128.load(p), wanted));
    if (mask) return p + 32 - clz(mask);
  }
  while (p > from && load<u8>(p - 1) != NEWLINE) p -= 1;
  return p;
}

// — Levels: the numbers are those of LEVELS in level.ts —

// @ts-ignore: decorator
@inline
function isWord(byte: u8): bool {
  const letter: u8 = byte | 0x20;
  return letter - 0x61 < 26 || byte - 0x30 < 10 || byte == 0x5f || byte >= 0x80;
}

// @ts-ignore: decorator
@inline
function isDigit(byte: u8): bool {
  return <u8>(byte - 0x30) < 10;
}

/** What `\s` is in a string of Latin-1. */
// @ts-ignore: decorator
@inline
function isSpace(byte: u8): bool {
  return byte == 0x20 || <u8>(byte - 9) < 5 || byte == 0xa0;
}

// @ts-ignore: decorator
@inline
function isUpper(byte: u8): bool {
  return <u8>(byte - 0x41) < 26;
}

/** Of a whole word of so many bytes; 0 when it names none. */
function levelOfWord(at: u32, length: u32): u32 {
  const four = load<u32>(at) | 0x20202020;
  if (length == 4) {
    if (four == 0x6f666e69) return 3; // info
    if (four == 0x6e726177) return 2; // warn
    return 0;
  }
  if (length == 5) {
    const fifth: u8 = load<u8>(at, 4) | 0x20;
    if (four == 0x6f727265 && fifth == 0x72) return 1; // error
    if (four == 0x61746166 && fifth == 0x6c) return 1; // fatal
    if (four == 0x75626564 && fifth == 0x67) return 4; // debug
    return 0;
  }
  // warning
  const last = load<u32>(at, 3) | 0x20202020;
  return length == 7 && four == 0x6e726177 && last == 0x676e696e ? 2 : 0;
}

// @ts-ignore: decorator
@inline
function isUpperWord(at: u32, end: u32): bool {
  for (let p = at; p < end; p += 1) if (!isUpper(load<u8>(p))) return false;
  return true;
}

/** Whether `level`, `lvl`, `severity` or `loglevel`, an equals sign or a colon, and quotes or a blank end before `at`. */
function hasKeyBefore(from: u32, at: u32): bool {
  let p = at;
  if (p > from && isQuote(load<u8>(p - 1))) p -= 1;
  if (p > from && isSpace(load<u8>(p - 1))) p -= 1;
  if (p == from) return false;
  const sign = load<u8>(p - 1);
  if (sign != 0x3d && sign != 0x3a) return false;
  p -= 1;
  if (p > from && isSpace(load<u8>(p - 1))) p -= 1;
  if (p > from && isQuote(load<u8>(p - 1))) p -= 1;
  const length = keyLength(from, p);
  if (length == 0) return false;
  p -= length;
  if (p == from) return true;
  const before = load<u8>(p - 1);
  return isSpace(before) || before == 0x2c || before == 0x7b || isQuote(before);
}

// @ts-ignore: decorator
@inline
function isQuote(byte: u8): bool {
  return byte == 0x22 || byte == 0x27;
}

/** Of the key that ends at `end`: what stands before it decides between `level` and `loglevel`. */
function keyLength(from: u32, end: u32): u32 {
  const length = end - from;
  const letter: u8 = length > 0 ? load<u8>(end - 1) | 0x20 : 0;
  if (letter == 0x6c) {
    if (length >= 3 && (load<u16>(end - 3) | 0x2020) == 0x766c) return 3;
    if (length < 5 || (load<u32>(end - 5) | 0x20202020) != 0x6576656c) return 0;
    if (length >= 8 && (load<u32>(end - 8) | 0x20202020) << 8 == 0x676f6c00) return 8;
    return 5;
  }
  if (letter != 0x79 || length < 8) return 0;
  const isSeverity = (load<u64>(end - 8) | 0x2020202020202020) == 0x7974697265766573;
  return isSeverity ? 8 : 0;
}

function isStated(from: u32, at: u32, end: u32, hasAfter: bool): bool {
  if (hasKeyBefore(from, at)) return true;
  const after: u8 = hasAfter ? load<u8>(end) : 0;
  const before: u8 = at > from ? load<u8>(at - 1) : 0;
  if (hasAfter && at > from) {
    if (before == 0x5b && after == 0x5d) return true;
    if (before == 0x3c && after == 0x3e) return true;
    if (before == 0x28 && after == 0x29) return true;
  }
  let p = from;
  while (p < at && isSpace(load<u8>(p))) p += 1;
  const isFirst = p == at;
  if (isFirst && hasAfter && after == 0x3a) return true;
  if (!isUpperWord(at, end)) return false;
  if (isFirst) {
    return !hasAfter || isSpace(after) || after == 0x5d || after == 0x7c || after == 0x29 || after == 0x2d;
  }
  if (!isSpace(before) && before != 0x7c) return false;
  if (hasAfter && !isSpace(after) && after != 0x3a && after != 0x7c && after != 0x5d) return false;
  for (p = from; p < at; p += 1) if (isDigit(load<u8>(p))) return true;
  return false;
}

/** pino's `"level":50` in an object that begins the line. */
function numericLevel(from: u32): u32 {
  const last = from + 62;
  let found: u32 = 0;
  for (let p = from + 1; p <= last; p += 1) {
    const isPlace = p == from + 1 || load<u8>(p - 1) == 0x2c;
    if (isPlace && isNumericLevel(p)) found = p;
    const byte = load<u8>(p);
    if (byte == 0x7b || byte == 0x7d || byte == NEWLINE) break;
  }
  if (found == 0 || load<u8>(found, 9) != 0x30) return 0;
  const digit: u8 = load<u8>(found, 8) - 0x30;
  if (digit == 1 || digit == 2) return 4;
  if (digit == 3) return 3;
  if (digit == 4) return 2;
  return digit == 5 || digit == 6 ? 1 : 0;
}

/** `"level":`, two digits, a comma or a brace. */
// @ts-ignore: decorator
@inline
function isNumericLevel(at: u32): bool {
  if (load<u64>(at) != 0x3a226c6576656c22) return false;
  const end = load<u8>(at, 10);
  return isDigit(load<u8>(at, 8)) && isDigit(load<u8>(at, 9)) && (end == 0x2c || end == 0x7d);
}

// @ts-ignore: decorator
@inline
function letters(at: u32): v128 {
  return v128.or(v128.load(at), i8x16.splat(0x20));
}

// @ts-ignore: decorator
@inline
function both(a: v128, first: u8, b: v128, second: u8): v128 {
  return v128.and(i8x16.eq(a, i8x16.splat(first)), i8x16.eq(b, i8x16.splat(second)));
}

/** Bit n: one of the words may begin with byte n, by two letters of each that are rare beside each other. */
// @ts-ignore: decorator
@inline
function beginMask(at: u32): u32 {
  const second = letters(at + 1);
  const third = letters(at + 2);
  const fourth = letters(at + 3);
  const error = both(second, 0x72, third, 0x72);
  const info = both(second, 0x6e, third, 0x66);
  const warn = both(third, 0x72, fourth, 0x6e);
  const debug = both(third, 0x62, fourth, 0x75);
  const fatal = both(letters(at), 0x66, second, 0x61);
  return i8x16.bitmask(v128.or(v128.or(error, info), v128.or(v128.or(warn, debug), fatal)));
}

/** What level.ts finds in the line that begins at `from` and ends with a newline. */
function levelOf(from: u32): u32 {
  const stop = from + WINDOW_BYTES;
  for (let p = from; p < stop; p += 16) {
    const newline = i8x16.bitmask(i8x16.eq(v128.load(p), i8x16.splat(NEWLINE)));
    // Up to the newline.
    for (let begins = beginMask(p) & (newline ^ (newline - 1)); begins != 0; begins &= begins - 1) {
      const at = p + ctz(begins);
      if (!mayBegin(at) || (at > from && isWord(load<u8>(at - 1)))) continue;
      const level = levelAt(from, at, stop);
      if (level != 0) return level;
    }
    if (newline) break;
  }
  return load<u8>(from) == 0x7b ? numericLevel(from) : 0;
}

// @ts-ignore: decorator
@inline
function isLineEnd(at: u32): bool {
  const byte = load<u8>(at);
  return byte == NEWLINE || (byte == RETURN && load<u8>(at, 1) == NEWLINE);
}

/** Whether the next four letters are those of one of the words. */
// @ts-ignore: decorator
@inline
function mayBegin(at: u32): bool {
  const four = load<u32>(at) | 0x20202020;
  return four == 0x6f666e69 || four == 0x6e726177 || four == 0x6f727265 || four == 0x61746166 || four == 0x75626564;
}

/** A word that the window cuts in two is not known to be whole. */
function levelAt(from: u32, at: u32, stop: u32): u32 {
  let end = at + 4;
  if (end > stop) return 0;
  while (end < stop && isWord(load<u8>(end))) end += 1;
  const isLast = isLineEnd(end);
  if (end == stop && !isLast) return 0;
  const level = levelOfWord(at, end - at);
  return level != 0 && isStated(from, at, end, !isLast) ? level : 0;
}

// — Raw lines → records —

/** Encodes lines of [from, end), which ends behind a newline, to `into`: until a block is full, nothing is left, or a line
 *  comes that must be cut. With `level` ≥ 0 that is the level of all. */
export function encode(from: u32, end: u32, into: u32, level: i32): void {
  let src = from;
  let dst = into;
  let lines: u32 = 0;
  let levels: u32 = 0;
  const quotes = i8x16.splat(QUOTE);
  const backslashes = i8x16.splat(BACKSLASH);
  const blanks = i8x16.splat(0x20);
  while (src < end && dst - into < BLOCK_BYTES) {
    const own = level < 0 ? levelOf(src) : <u32>level;
    let put = putHead(own, dst);
    let at = src;
    const far = src + PART_BYTES_MAX;
    while (at <= far) {
      const bytes = v128.load(at);
      const quoted = v128.or(i8x16.eq(bytes, quotes), i8x16.eq(bytes, backslashes));
      const controls = i8x16.bitmask(i8x16.lt_u(bytes, blanks));
      if (controls == 0) {
        put = escape(bytes, i8x16.bitmask(quoted), 16, put);
        at += 16;
        continue;
      }
      const stop: u32 = ctz(controls);
      put = escape(bytes, i8x16.bitmask(quoted) & ((1 << stop) - 1), stop, put);
      at += stop;
      // A newline, and a \r before it, is no part of the line.
      if (isLineEnd(at)) break;
      put = putControl(load<u8>(at), put);
      at += 1;
    }
    if (at > far) break;
    levels |= 1 << own;
    store<u32>(put, 0x0a7d22); // "}\n
    dst = put + 3;
    lines += 1;
    src = at + (load<u8>(at) == RETURN ? 2 : 1);
  }
  store<u32>(RESULT, src);
  store<u32>(RESULT, dst - into, 4);
  store<u32>(RESULT, lines, 8);
  store<u32>(RESULT, levels, 12);
}

// @ts-ignore: decorator
@inline
function putHead(level: u32, dst: u32): u32 {
  const head = HEADS + level * HEAD_STRIDE;
  const length = load<u32>(HEAD_LENGTHS + level * 4);
  for (let at: u32 = 0; at < length; at += 16) v128.store(dst + at, v128.load(head + at));
  return dst + length;
}

/** Puts the first `length` of sixteen bytes, with a backslash before each that is in the set. */
// @ts-ignore: decorator
@inline
function escape(bytes: v128, set: u32, length: u32, dst: u32): u32 {
  const backslashes = i8x16.splat(BACKSLASH);
  const low = i8x16.shuffle(bytes, backslashes, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23);
  const high = i8x16.shuffle(bytes, backslashes, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23);
  const lowSet = set & 0xff;
  const highSet = set >> 8;
  const lowLength = min(length, 8);
  v128.store(dst, i8x16.swizzle(low, v128.load(SHUFFLES + (lowSet << 4))));
  const middle = dst + lowLength + popcnt(lowSet);
  v128.store(middle, i8x16.swizzle(high, v128.load(SHUFFLES + (highSet << 4))));
  return middle + length - lowLength + popcnt(highSet);
}

/** For each set of eight bytes which byte goes where; the eighth stands for a backslash. */
export function prepare(): void {
  for (let set: u32 = 0; set < 256; set += 1) {
    let put = SHUFFLES + (set << 4);
    for (let n: u32 = 0; n < 8; n += 1) {
      if ((set >> n) & 1) store<u8>(put++, 8);
      store<u8>(put++, n);
    }
  }
}

// @ts-ignore: decorator
@inline
function putControl(byte: u8, dst: u32): u32 {
  const letter: u8 = byte == 9 ? 0x74 : byte == 8 ? 0x62 : byte == 12 ? 0x66 : byte == 13 ? 0x72 : 0;
  if (letter != 0) {
    store<u16>(dst, (<u16>letter << 8) | BACKSLASH);
    return dst + 2;
  }
  const low: u8 = byte & 15;
  store<u32>(dst, 0x3030755c); // \u00
  store<u8>(dst, 0x30 + (byte >> 4), 4);
  store<u8>(dst, low < 10 ? 0x30 + low : 0x57 + low, 5);
  return dst + 6;
}

// — A text → the lines that have it —

/** Where the message of the line [start, end) begins; 0 when it is of another form than ours (head-reader.ts). */
function messageOf(start: u32, end: u32): u32 {
  const psEnd = indexOf(QUOTE, start + 42, end);
  // ","source":"
  if (load<u64>(psEnd) != 0x6372756f73222c22 || load<u32>(psEnd, 8) != 0x223a2265) return 0;
  let at = indexOf(QUOTE, psEnd + 12, end) + 1;
  // ,"release":
  if (load<u64>(at) == 0x7361656c6572222c && (load<u32>(at, 8) & 0xffffff) == 0x3a2265) at = afterDigits(at + 11);
  // ,"level":"
  if (load<u64>(at) == 0x226c6576656c222c && load<u16>(at, 8) == 0x223a) at = indexOf(QUOTE, at + 10, end) + 1;
  // ,"cont":
  if (load<u64>(at) == 0x3a22746e6f63222c) at = afterDigits(at + 8);
  // ,"msg":"
  if (load<u64>(at) != 0x223a2267736d222c || at + 8 > end - 3 || load<u8>(end - 3) != QUOTE) return 0;
  return at + 8;
}

function afterDigits(from: u32): u32 {
  let at = from;
  while (isDigit(load<u8>(at))) at += 1;
  return at;
}

// @ts-ignore: decorator
@inline
function folded(byte: u8): u8 {
  return isUpper(byte) ? byte + 0x20 : byte;
}

// @ts-ignore: decorator
@inline
function isNeedle(at: u32, length: u32, fold: bool): bool {
  let n: u32 = 0;
  if (fold) {
    while (n < length && folded(load<u8>(at + n)) == load<u8>(NEEDLE + n)) n += 1;
    return n == length;
  }
  for (; n + 8 <= length; n += 8) if (load<u64>(at + n) != load<u64>(NEEDLE + n)) return false;
  // The last eight, with some before.
  if (length >= 8) return load<u64>(at + length - 8) == load<u64>(NEEDLE + length - 8);
  while (n < length && load<u8>(at + n) == load<u8>(NEEDLE + n)) n += 1;
  return n == length;
}

/** Where both bytes of the needle stand, of sixteen places. */
// @ts-ignore: decorator
@inline
function pairs(at: u32, other: u32, first: v128, second: v128): v128 {
  return v128.and(i8x16.eq(v128.load(at), first), i8x16.eq(v128.load(other), second));
}

/** The next place of the needle in [from, end); `end` when there is none. Its bytes at `one` and `two` are looked for. */
function find(from: u32, end: u32, length: u32, one: u32, two: u32): u32 {
  if (end - from < length) return end;
  const last = end - length;
  const first = i8x16.splat(load<u8>(NEEDLE + one));
  const second = i8x16.splat(load<u8>(NEEDLE + two));
  const shift = two - one;
  for (let p = from; p <= last; p += 64) {
    const place = p + one;
    const other = place + shift;
    const a = pairs(place, other, first, second);
    const b = pairs(place + 16, other + 16, first, second);
    const c = pairs(place + 32, other + 32, first, second);
    const d = pairs(place + 48, other + 48, first, second);
    if (!v128.any_true(v128.or(v128.or(a, b), v128.or(c, d)))) continue;
    const low = i8x16.bitmask(a) | (i8x16.bitmask(b) << 16);
    const high = i8x16.bitmask(c) | (i8x16.bitmask(d) << 16);
    for (let mask = (<u64>(<u32>high) << 32) | <u64>(<u32>low); mask != 0; mask &= mask - 1) {
      const at = p + <u32>ctz(mask);
      if (at > last) return end;
      if (isNeedle(at, length, false)) return at;
    }
  }
  return end;
}

// @ts-ignore: decorator
@inline
function foldedPairs(at: u32, other: u32, first: v128, second: v128, bits: v128, otherBits: v128): v128 {
  const a = i8x16.eq(v128.or(v128.load(at), bits), first);
  return v128.and(a, i8x16.eq(v128.or(v128.load(other), otherBits), second));
}

/** The same where A–Z of the bytes count as a–z. What is no letter but becomes one by that bit is no place of the needle. */
function findFolded(from: u32, end: u32, length: u32, one: u32, two: u32): u32 {
  if (end - from < length) return end;
  const last = end - length;
  const first: u8 = load<u8>(NEEDLE + one);
  const second: u8 = load<u8>(NEEDLE + two);
  const bits = i8x16.splat(first - 0x61 < 26 ? 0x20 : 0);
  const otherBits = i8x16.splat(second - 0x61 < 26 ? 0x20 : 0);
  for (let p = from; p <= last; p += 16) {
    const found = foldedPairs(p + one, p + two, i8x16.splat(first), i8x16.splat(second), bits, otherBits);
    for (let mask = i8x16.bitmask(found); mask != 0; mask &= mask - 1) {
      const at = p + ctz(mask);
      if (at > last) return end;
      if (isNeedle(at, length, true)) return at;
    }
  }
  return end;
}

/** Whether a hit lies within an escape, so that the decoded message decides: one that begins with the last backslash before it,
 *  unless that is the second of a pair. */
function isWithinEscape(hit: u32, message: u32): bool {
  const from = max(message, hit - 5);
  let last = hit - 1;
  while (last >= from && load<u8>(last) != BACKSLASH) last -= 1;
  if (last < from) return false;
  let first = last;
  while (first > message && load<u8>(first - 1) == BACKSLASH) first -= 1;
  if ((last - first) & 1) return false;
  return last + 1 == hit || load<u8>(last + 1) == 0x75;
}

/** Finds the lines of [from, end) whose message has the needle of so many bytes, and writes start and end of each to `out`,
 *  the end with its top bit set where the host must look again. With `count` those that are certain are only counted. With `anywhere` the
 *  whole line is looked at, and the host must look at all that is found. Stops where there is no more room. RESULT: how far it came, lines written, lines counted. */
export function search(from: u32, end: u32, length: u32, one: u32, two: u32, mode: u32): void {
  const fold = (mode & 1) != 0;
  const count = (mode & 2) != 0;
  const anywhere = (mode & 4) != 0;
  const out = load<u32>(RESULT);
  let put = out;
  let counted: u32 = 0;
  let at = from;
  while (at < end && put + 8 <= END) {
    const hit = fold ? findFolded(at, end, length, one, two) : find(at, end, length, one, two);
    if (hit >= end) {
      at = end;
      break;
    }
    const start = lineStart(hit, from);
    const stop = indexOf(NEWLINE, hit, end) + 1;
    const message: u32 = anywhere ? 0 : messageOf(start, stop);
    if (message != 0 && hit < message) {
      at = message;
      continue;
    }
    at = stop;
    if (message != 0 && hit + length > stop - 3) continue;
    const isSure = message != 0 && !isWithinEscape(hit, message);
    if (isSure && count) {
      counted += 1;
      continue;
    }
    store<u32>(put, start);
    store<u32>(put, isSure ? stop : stop | 0x80000000, 4);
    put += 8;
  }
  store<u32>(RESULT, at);
  store<u32>(RESULT, (put - out) >> 3, 4);
  store<u32>(RESULT, counted, 8);
}

// — A process → its lines —

/** Whether a stamp is before another; their bytes are in the order of time. The last eight of the 27 are looked at with some before. */
// @ts-ignore: decorator
@inline
function isBefore(stamp: u32, other: u32): bool {
  for (let n: u32 = 0; n < 24; n += 8) {
    const a = load<u64>(stamp + n);
    const b = load<u64>(other + n);
    if (a != b) return bswap(a) < bswap(b);
  }
  return bswap(load<u64>(stamp + 19)) < bswap(load<u64>(other + 19));
}

/** Whether the line [start, stop) is of the process whose name, behind its key, is the needle; with bit 0 of `mode` of that type.
 *  Bits 1 and 2: whether SINCE and UNTIL are given. */
// @ts-ignore: decorator
@inline
function isPicked(start: u32, stop: u32, length: u32, mode: u32): bool {
  const at = start + 35;
  if (at + length >= stop || !isNeedle(at, length, false)) return false;
  const next = load<u8>(at + length);
  if (next != QUOTE && (next != 0x2e || (mode & 1) == 0)) return false;
  if ((mode & 2) != 0 && isBefore(start + 7, SINCE)) return false;
  return (mode & 4) == 0 || isBefore(start + 7, UNTIL);
}

/** Nothing when the line [start, stop), which is longer than both, begins with `{"ts":"` and ends with `"}`. */
// @ts-ignore: decorator
@inline
function oddity(start: u32, stop: u32): u64 {
  return ((load<u64>(start) << 8) ^ 0x223a227374227b00) | <u64>(load<u16>(stop - 3) ^ 0x7d22);
}

// @ts-ignore: decorator
@inline
function isNewline(at: u32): v128 {
  return i8x16.eq(v128.load(at), i8x16.splat(NEWLINE));
}

/** Bit n: byte n of a chunk is a newline. */
// @ts-ignore: decorator
@inline
function newlines(at: u32): u64 {
  const low = i8x16.bitmask(isNewline(at)) | (i8x16.bitmask(isNewline(at + 16)) << 16);
  const high = i8x16.bitmask(isNewline(at + 32)) | (i8x16.bitmask(isNewline(at + 48)) << 16);
  return (<u64>(<u32>high) << 32) | <u64>(<u32>low);
}

/** Notes a chunk if it has a newline: without a branch, which no processor could foretell. */
// @ts-ignore: decorator
@inline
function noteChunk(at: u32, put: u32): u32 {
  const any = v128.or(v128.or(isNewline(at), isNewline(at + 16)), v128.or(isNewline(at + 32), isNewline(at + 48)));
  store<u32>(put, at);
  return put + (<u32>v128.any_true(any) << 2);
}

/** Notes the chunks of [from, end) that have a newline. */
// @ts-ignore: decorator
@inline
function noteChunks(from: u32, end: u32): u32 {
  let put = CHUNKS;
  for (let at = from; at < end; at += 2 * CHUNK_BYTES) {
    put = noteChunk(at, put);
    put = noteChunk(at + CHUNK_BYTES, put);
  }
  return put;
}

// @ts-ignore: decorator
@inline
function copyLine(start: u32, stop: u32, dst: u32): void {
  for (let at = start; at < stop; at += 64, dst += 64) {
    v128.store(dst, v128.load(at));
    v128.store(dst, v128.load(at, 16), 16);
    v128.store(dst, v128.load(at, 32), 32);
    v128.store(dst, v128.load(at, 48), 48);
  }
}

/** Copies the lines of [from, end) that are picked (above) to TARGET, next to each other; there is room for all. With bit 3 of `mode` they
 *  are only counted. RESULT: bytes, lines, whether all that were copied look like lines of the store. Part by part it notes where newlines are, then which lines have the first bytes of the needle, both
 *  without a branch that depends on them, and looks at these alone. */
export function pick(from: u32, end: u32, length: u32, mode: u32): void {
  const name = v128.load(NEEDLE);
  const places = i8x16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  const compared = i8x16.lt_u(places, i8x16.splat(<u8>min(length, 16)));
  let start = from;
  let dst = TARGET;
  let lines: u32 = 0;
  let odd: u64 = 0;
  for (let part = from; part < end; part += PICK_PART_BYTES) {
    const chunksEnd = noteChunks(part, min(part + PICK_PART_BYTES, end));
    let put = LINES;
    for (let n = CHUNKS; n < chunksEnd; n += 4) {
      const chunk = load<u32>(n);
      let mask = newlines(chunk);
      do {
        const stop = chunk + <u32>ctz(mask) + 1;
        store<u32>(put, start);
        store<u32>(put, stop, 4);
        const differs = v128.any_true(v128.and(v128.xor(v128.load(start + 35), name), compared));
        put += <u32>!differs << 3;
        start = stop;
        mask &= mask - 1;
      } while (mask != 0);
    }
    for (let n = LINES; n < put; n += 8) {
      const first = load<u32>(n);
      const stop = load<u32>(n, 4);
      // What is behind the end is not asked for.
      if (stop > end || !isPicked(first, stop, length, mode)) continue;
      lines += 1;
      if ((mode & 8) != 0) continue;
      odd |= oddity(first, stop);
      copyLine(first, stop, dst);
      dst += stop - first;
    }
  }
  store<u32>(RESULT, dst - TARGET);
  store<u32>(RESULT, lines, 4);
  store<u32>(RESULT, odd == 0 ? 1 : 0, 8);
}

// — Sums: the plain form is in adler.ts —

const ADLER_BASE: u32 = 65521;
/** Times 32 bytes: so far the second sum stays below 2 ** 32, and that of a column below 2 ** 16. */
const ADLER_STEPS: u32 = 173;

/** Adler-32 (RFC 1950) of [from, from + length), begun with that of what stands before. In the second sum a byte counts once for itself
 *  and once for each that follows: by its column within its row of 32 bytes, and 32 times for each row behind that. */
export function adler(from: u32, length: u32, before: u32): u32 {
  let a: u32 = before & 0xffff;
  let b: u32 = before >> 16;
  const ones = i16x8.splat(1);
  let at = from;
  let left = length;
  while (left >= 32) {
    const count = min(left >> 5, ADLER_STEPS);
    let low0 = i16x8.splat(0);
    let low1 = i16x8.splat(0);
    let high0 = i16x8.splat(0);
    let high1 = i16x8.splat(0);
    let sums = i32x4.splat(0);
    let sumsOfSums = i32x4.splat(0);
    for (let n: u32 = 0; n < count; n += 1) {
      const one = v128.load(at);
      const two = v128.load(at, 16);
      at += 32;
      low0 = i16x8.add(low0, i16x8.extend_low_i8x16_u(one));
      high0 = i16x8.add(high0, i16x8.extend_high_i8x16_u(one));
      low1 = i16x8.add(low1, i16x8.extend_low_i8x16_u(two));
      high1 = i16x8.add(high1, i16x8.extend_high_i8x16_u(two));
      sumsOfSums = i32x4.add(sumsOfSums, sums);
      const pairs = i16x8.add(i16x8.extadd_pairwise_i8x16_u(one), i16x8.extadd_pairwise_i8x16_u(two));
      sums = i32x4.add(sums, i32x4.dot_i16x8_s(pairs, ones));
    }
    b += (count << 5) * a + (sumOf(sumsOfSums) << 5);
    b += weighted(low0, 32) + weighted(high0, 24) + weighted(low1, 16) + weighted(high1, 8);
    a = (a + sumOf(sums)) % ADLER_BASE;
    b %= ADLER_BASE;
    left -= count << 5;
  }
  for (; left > 0; left -= 1) {
    a += load<u8>(at++);
    b += a;
  }
  return (a % ADLER_BASE) | ((b % ADLER_BASE) << 16);
}

function sumOf(four: v128): u32 {
  return (
    i32x4.extract_lane(four, 0) + i32x4.extract_lane(four, 1) + i32x4.extract_lane(four, 2) + i32x4.extract_lane(four, 3)
  );
}

function weighted(eight: v128, weight: u32): u32 {
  const w = <i16>weight;
  const low = i32x4.extmul_low_i16x8_u(eight, i16x8(w, w - 1, w - 2, w - 3, w - 4, w - 5, w - 6, w - 7));
  const high = i32x4.extmul_high_i16x8_u(eight, i16x8(w, w - 1, w - 2, w - 3, w - 4, w - 5, w - 6, w - 7));
  return sumOf(low) + sumOf(high);
}
