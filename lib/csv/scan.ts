import {
  delimiterKind,
  ended,
  lineEndKind,
  ordinary,
  quoted,
  quoteKind,
  quoteSeen,
  spoilt,
  startOfField,
  transitions,
} from './automaton.ts';
import { BlockBuilder, fieldCountProblem, ownByteLength, quoteProblem, sound, tooLongProblem } from './record-block.ts';
import type { Dialect, Encoding, RecordBlock, Scanner } from './types.ts';

/** What is kept of a record longer than `maxRecordBytes`. */
export const keptBytes = 1000;

const lineFeed = 0x0a;
const carriageReturn = 0x0d;

/** A `\n` that is not behind a `\r`, in a file with `\r\n`: it ends a line of text, but no record. */
const loneBreakKind = 4;

export interface ScanOptions {
  readonly dialect: Pick<Dialect, 'delimiter' | 'quote' | 'lineEnd'>;
  /** Fields that a sound record has; undefined accepts any number. */
  readonly fieldCount: number | undefined;
  /** Counted on the bytes that are scanned: for UTF-16, the transcoded ones. */
  readonly maxRecordBytes: number;
  /** Asked once a block, because the choice may fall behind the head of the file. What is pushed before it fell is ASCII. */
  readonly encoding: () => Encoding;
  /** Offset in the decompressed input of the first byte that will be pushed (behind BOM and header). */
  readonly offset: number;
  /** Physical line of that byte, 1-based. */
  readonly line: number;
}

export interface CountingScanner extends Scanner {
  /** Bytes that were looked at so far; stays below three times the input, whatever is in it. */
  readonly visitedByteCount: number;
}

/**
 * Cuts a stream of bytes into records. Any chunk sizes give the same records.
 *
 * Deadline of a quoted field: it has to close among the first `maxRecordBytes` bytes of its record, or, where it opens behind
 * them, within `maxRecordBytes` of its opening quote. Where it does not, or the file ends first, the record ends with its first
 * line (in the second case: with the line on which the field opens), is `row.quote`, and reading resumes on the next line.
 *
 * Reading lines again stays linear: at each line end before the deadline the field is open, so the number of quotes since the
 * start of the record is odd; a record that starts at such a line end sees an even number up to the next one and ends there.
 *
 * In a record longer than `maxRecordBytes`, `bytes[starts .. ends)` are its first `keptBytes` bytes, and its line end is left out.
 * When several problems meet, the first of quote, too-long, encoding, field-count is reported. Physical lines end at `\n`, or at
 * `\r` in a file whose line end that is.
 */
export function makeScanner(options: ScanOptions): CountingScanner {
  const { maxRecordBytes, fieldCount: expectedFieldCount } = options;
  const delimiter = options.dialect.delimiter.charCodeAt(0);
  const quote = options.dialect.quote === null ? -1 : options.dialect.quote.charCodeAt(0);
  const lineEndLength = options.dialect.lineEnd.length;
  const isPair = lineEndLength === 2;
  /** Last byte of the line end: where a physical line ends. */
  const lineBreak = options.dialect.lineEnd === '\r' ? carriageReturn : lineFeed;
  const lineEndByte = options.dialect.lineEnd.charCodeAt(0);
  const kinds = new Uint8Array(256);
  if (isPair) kinds[lineBreak] = loneBreakKind;
  kinds[delimiter] = delimiterKind;
  if (quote >= 0) kinds[quote] = quoteKind;
  kinds[lineEndByte] = lineEndKind;

  const block = new BlockBuilder();
  let visitedByteCount = 0;
  let encoding = options.encoding();

  // The arena: bytes before `start` were handed out or skipped, bytes from `filled` on are free.
  let arena = Buffer.alloc(0);
  let filled = 0;
  /** `arena` up to `filled`. */
  let bytes = arena;
  let offset = options.offset;
  let line = options.line;

  // The record under way; `position` is the next byte to look at.
  let inRecord = false;
  let start = 0;
  let position = 0;
  let state = startOfField;
  let fieldCount = 1;
  let hasQuote = 0;
  /** Physical line ends inside the record. */
  let innerLineCount = 0;
  /** Where the first byte of the record is or, when its middle was dropped, would be. */
  let origin = 0;
  let droppedOwnBytes = 0;
  let opening = 0;
  let deadline = 0;
  /** First line end inside a quoted field that could still turn out to be unclosed; -1 when there is none. */
  let firstBreak = -1;
  let linesBeforeFirstBreak = 0;
  /** First quote at or behind the position; -1 when it has to be looked for. */
  let nextQuote = -1;
  /** No line of text ends between the first quote of the record under way and here; -1 when that is not known. */
  let nextBreak = -1;

  function append(chunk: Buffer): void {
    if (filled + chunk.length > arena.length) {
      const carried = filled - start;
      const needed = carried + chunk.length;
      // Doubling keeps small chunks linear; large ones get exactly what they need, because the block keeps the memory alive.
      const larger = Buffer.allocUnsafeSlow(
        chunk.length >= carried && chunk.length >= 4096 ? needed : needed * 2 + 4096,
      );
      arena.copy(larger, 0, start, filled);
      arena = larger;
      position -= start;
      origin -= start;
      opening -= start;
      deadline -= start;
      if (firstBreak >= 0) firstBreak -= start;
      filled = carried;
      start = 0;
      nextQuote = -1;
      nextBreak = -1;
    }
    if (nextQuote >= filled) nextQuote = -1;
    chunk.copy(arena, filled);
    filled += chunk.length;
    bytes = arena.subarray(0, filled);
  }

  function begin(): void {
    inRecord = true;
    start = position;
    origin = position;
    state = startOfField;
    fieldCount = 1;
    hasQuote = 0;
    innerLineCount = 0;
    droppedOwnBytes = 0;
    firstBreak = -1;
    nextBreak = -1;
  }

  /** The record under way ends before `end`; the next one starts at `next`. */
  function finish(end: number, next: number, isQuoteProblem: boolean): void {
    const isTooLong = end - origin > maxRecordBytes;
    let problem = sound;
    if (isQuoteProblem) {
      problem = quoteProblem;
      hasQuote = 1;
    } else if (isTooLong) problem = tooLongProblem;
    else if (expectedFieldCount !== undefined && fieldCount !== expectedFieldCount) problem = fieldCountProblem;
    const ownLength = droppedOwnBytes + ownByteLength(bytes, start, end, encoding);
    const keptEnd = isTooLong ? Math.min(end, start + keptBytes) : end;
    block.add(start, keptEnd, isTooLong ? keptEnd : next, problem, fieldCount, hasQuote, line, offset, ownLength);
    offset += ownLength + ownByteLength(bytes, end, next, encoding);
    line += next > end ? innerLineCount + 1 : innerLineCount;
    inRecord = false;
    position = next;
    start = next;
  }

  /** The quoted field under way misses its deadline. */
  function giveUpQuotedField(): void {
    if (firstBreak < 0) {
      state = spoilt;
      return;
    }
    innerLineCount = linesBeforeFirstBreak;
    nextQuote = -1;
    finish(firstBreak, firstBreak + lineEndLength, true);
  }

  function isLineEndAt(index: number): boolean {
    return !isPair || bytes[index + 1] === lineFeed;
  }

  /** Runs the automaton until the record ends (true) or the bytes do (false). Local copies of what the loop needs: half its time. */
  function walk(limit: number): boolean {
    const input = bytes;
    let index = position;
    let current = state;
    let fields = fieldCount;
    let next = current;
    while (index < limit) {
      if (current === quoted) {
        index = skipQuoted(index, Math.min(limit, deadline));
        if (index >= deadline || index === limit) break;
        current = quoteSeen;
        index++;
        continue;
      }
      let kind = kinds[input[index]!]!;
      if (kind === ordinary) {
        current = transitions[current * 4 + ordinary]!;
        while (++index < limit && kinds[input[index]!] === ordinary);
        continue;
      }
      if (kind === lineEndKind && !isLineEndAt(index)) kind = ordinary;
      else if (kind === loneBreakKind) {
        innerLineCount++;
        kind = ordinary;
      }
      next = transitions[current * 4 + kind]!;
      if (next === ended) break;
      if (next === startOfField) fields++;
      else if (next === quoted && current === startOfField) open(index);
      current = next;
      index++;
    }
    visitedByteCount += index - position;
    position = index;
    fieldCount = fields;
    state = current;
    if (next === ended) finish(index, index + lineEndLength, current === spoilt);
    else if (current === quoted && index >= deadline) giveUpQuotedField();
    else return false;
    return true;
  }

  /** A quoted field opens at `index`. */
  function open(index: number): void {
    const isBehindLimit = index - origin >= maxRecordBytes;
    hasQuote = 1;
    opening = index;
    deadline = (isBehindLimit ? index : origin) + maxRecordBytes;
    if (isBehindLimit) firstBreak = -1;
  }

  /** Where the next quote is, or `stop`. */
  function skipQuoted(from: number, stop: number): number {
    const input = bytes;
    let index = from;
    if (nextBreak > from) {
      const found = input.indexOf(quote, from);
      const end = found < 0 || found > stop ? stop : found;
      if (end < nextBreak) return end;
    }
    for (; index < stop; index++) {
      const byte = input[index]!;
      if (byte === quote) break;
      if (byte > carriageReturn) continue;
      if (byte === lineEndByte && firstBreak < 0 && isLineEndAt(index)) {
        firstBreak = index;
        linesBeforeFirstBreak = innerLineCount;
      }
      if (byte === lineBreak) innerLineCount++;
    }
    return index;
  }

  /** Records without quotes are cut at the next line end; the automaton walks those with quotes and what is left at the end. */
  function cut(limit: number): void {
    for (;;) {
      if (inRecord) {
        if (!walk(limit)) return;
        continue;
      }
      if (position >= limit) return;
      if (quote >= 0 && nextQuote < position) {
        nextQuote = bytes.indexOf(quote, position);
        if (nextQuote < 0) nextQuote = bytes.length;
      }
      let end = bytes.indexOf(lineBreak, position);
      let loneBreaks = 0;
      if (isPair) {
        while (end >= 0 && (quote < 0 || end < nextQuote) && (end === position || bytes[end - 1] !== carriageReturn)) {
          loneBreaks++;
          end = bytes.indexOf(lineBreak, end + 1);
        }
      }
      begin();
      nextBreak = end;
      if (end < 0 || (quote >= 0 && nextQuote < end)) continue;
      if (isPair) end--;
      if (end === position) {
        inRecord = false;
        block.blankCount++;
        offset += ownByteLength(bytes, end, end + lineEndLength, encoding);
        line++;
        position = end + lineEndLength;
        start = position;
        continue;
      }
      for (let index = position; index < end; index++) if (bytes[index] === delimiter) fieldCount++;
      innerLineCount = loneBreaks;
      visitedByteCount += end - position;
      finish(end, end + lineEndLength, false);
    }
  }

  /** Drops the middle of a record that is already too long, so that memory stays bounded. */
  function dropMiddle(): void {
    if (!inRecord || position - origin <= maxRecordBytes) return;
    const keptEnd = start + keptBytes;
    const isFieldOpen = state === quoted || state === quoteSeen;
    const restStart = isFieldOpen ? opening : position;
    const dropped = restStart - keptEnd;
    if (dropped <= 0) return;
    droppedOwnBytes += ownByteLength(bytes, keptEnd, restStart, encoding);
    arena.copyWithin(keptEnd, restStart, filled);
    filled -= dropped;
    position -= dropped;
    origin -= dropped;
    opening -= dropped;
    deadline -= dropped;
    if (firstBreak >= 0) firstBreak -= dropped;
    nextQuote = -1;
    nextBreak = -1;
    bytes = arena.subarray(0, filled);
  }

  function takeBlock(): RecordBlock | undefined {
    return block.count === 0 ? undefined : block.take(arena.subarray(0, start), encoding);
  }

  return {
    push(chunk) {
      append(chunk);
      encoding = options.encoding();
      // A `\r` at the very end may be half a line end.
      cut(isPair && bytes[filled - 1] === carriageReturn ? filled - 1 : filled);
      const taken = takeBlock();
      dropMiddle();
      return taken;
    },
    end() {
      encoding = options.encoding();
      for (;;) {
        cut(filled);
        if (!inRecord) break;
        if (state === quoted) giveUpQuotedField();
        if (inRecord) finish(filled, filled, state === spoilt);
      }
      return block.count === 0 && block.blankCount === 0 ? undefined : block.take(arena.subarray(0, start), encoding);
    },
    get visitedByteCount() {
      return visitedByteCount;
    },
  };
}
