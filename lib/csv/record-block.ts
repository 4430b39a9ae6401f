import { isUtf8 } from 'node:buffer';
import type { Encoding, RecordBlock } from './types.ts';
import { recordProblems } from './types.ts';
import { utf16ByteLength } from './utf16.ts';

/** Values of `RecordBlock.problems`. */
export const sound = 0;
export const fieldCountProblem = 1 + recordProblems.indexOf('row.field-count');
export const quoteProblem = 1 + recordProblems.indexOf('row.quote');
export const tooLongProblem = 1 + recordProblems.indexOf('row.too-long');
export const encodingProblem = 1 + recordProblems.indexOf('row.encoding');

const smallestCapacity = 16;

/** Bytes of `bytes[start .. end)` in the file's own encoding; only UTF-16 differs from what is scanned. */
export function ownByteLength(bytes: Buffer, start: number, end: number, encoding: Encoding): number {
  return encoding === 'utf-16le' || encoding === 'utf-16be' ? utf16ByteLength(bytes, start, end) : end - start;
}

/** Bytes that Windows-1252 leaves undefined. https://www.unicode.org/Public/MAPPINGS/VENDORS/MICSFT/WINDOWS/CP1252.TXT (2026-11-23) */
const undefinedInWindows1252 = [0x81, 0x8d, 0x8f, 0x90, 0x9d];

/** Whether every byte means something in the encoding. UTF-16 is checked in its transcoded form. */
export function isValidIn(encoding: Encoding, bytes: Buffer): boolean {
  if (encoding === 'iso-8859-15') return true;
  if (encoding === 'windows-1252') return undefinedInWindows1252.every((byte) => !bytes.includes(byte));
  return isUtf8(bytes);
}

/** Columns of numbers that grow while records are added; `take` hands them out as a block and starts afresh. */
export class BlockBuilder {
  count = 0;
  blankCount = 0;
  #capacity = smallestCapacity;
  #starts = new Int32Array(0);
  #ends = new Int32Array(0);
  #nexts = new Int32Array(0);
  #problems = new Uint8Array(0);
  #fieldCounts = new Int32Array(0);
  #quoted = new Uint8Array(0);
  #lines = new Float64Array(0);
  #offsets = new Float64Array(0);
  #lengths = new Float64Array(0);

  add(
    start: number,
    end: number,
    next: number,
    problem: number,
    fieldCount: number,
    quoted: number,
    line: number,
    offset: number,
    length: number,
  ): void {
    const index = this.count;
    if (index === this.#starts.length) this.#grow();
    this.#starts[index] = start;
    this.#ends[index] = end;
    this.#nexts[index] = next;
    this.#problems[index] = problem;
    this.#fieldCounts[index] = fieldCount;
    this.#quoted[index] = quoted;
    this.#lines[index] = line;
    this.#offsets[index] = offset;
    this.#lengths[index] = length;
    this.count = index + 1;
  }

  /** `bytes` holds the records that were added; it must not change afterwards. */
  take(bytes: Buffer, encoding: Encoding): RecordBlock {
    const count = this.count;
    this.#checkEncoding(bytes, encoding);
    const block: RecordBlock = {
      bytes,
      count,
      starts: this.#starts.subarray(0, count),
      ends: this.#ends.subarray(0, count),
      nexts: this.#nexts.subarray(0, count),
      problems: this.#problems.subarray(0, count),
      fieldCounts: this.#fieldCounts.subarray(0, count),
      quoted: this.#quoted.subarray(0, count),
      lines: this.#lines.subarray(0, count),
      offsets: this.#offsets.subarray(0, count),
      lengths: this.#lengths.subarray(0, count),
      blankCount: this.blankCount,
    };
    // Chunks of a stream resemble each other, so the next block gets room for a few more than this one had.
    this.#capacity = Math.max(smallestCapacity, count + (count >> 3));
    this.count = 0;
    this.blankCount = 0;
    this.#allocate(0);
    return block;
  }

  #grow(): void {
    this.#allocate(this.#starts.length === 0 ? this.#capacity : this.#starts.length * 2);
  }

  #allocate(capacity: number): void {
    const copy = <A extends Int32Array | Uint8Array | Float64Array>(larger: A, current: A): A => {
      if (capacity > 0) larger.set(current);
      return larger;
    };
    this.#starts = copy(new Int32Array(capacity), this.#starts);
    this.#ends = copy(new Int32Array(capacity), this.#ends);
    this.#nexts = copy(new Int32Array(capacity), this.#nexts);
    this.#problems = copy(new Uint8Array(capacity), this.#problems);
    this.#fieldCounts = copy(new Int32Array(capacity), this.#fieldCounts);
    this.#quoted = copy(new Uint8Array(capacity), this.#quoted);
    this.#lines = copy(new Float64Array(capacity), this.#lines);
    this.#offsets = copy(new Float64Array(capacity), this.#offsets);
    this.#lengths = copy(new Float64Array(capacity), this.#lengths);
  }

  /** One check for all records; only when it fails are they looked at one by one. */
  #checkEncoding(bytes: Buffer, encoding: Encoding): void {
    const count = this.count;
    if (count === 0 || isValidIn(encoding, bytes.subarray(this.#starts[0], this.#ends[count - 1]))) return;
    for (let index = 0; index < count; index++) {
      const problem = this.#problems[index];
      if (problem !== sound && problem !== fieldCountProblem) continue;
      if (!isValidIn(encoding, bytes.subarray(this.#starts[index], this.#ends[index])))
        this.#problems[index] = encodingProblem;
    }
  }
}
