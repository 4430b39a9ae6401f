import { Buffer, isAscii } from 'node:buffer';
import { utf8SequenceLength } from './utf8.ts';

/** The choice falls on the first block of this size, counted from the start of the file, that holds a byte above 0x7F. */
export const choiceBlockBytes = 64 * 1024;

export type ChosenEncoding = 'utf-8' | 'windows-1252';

export interface EncodingChoice {
  /** Undefined as long as the choice is open. */
  readonly chosen: ChosenEncoding | undefined;
  /** Bytes above 0x7F were seen but their block is not complete: what was fed since must wait. */
  readonly isPending: boolean;
  feed(chunk: Buffer): void;
  /** The file is over: everything was ASCII (which is UTF-8), or the last block decides. */
  end(): ChosenEncoding;
}

/**
 * Chooses between UTF-8 and Windows-1252 for a file without BOM. The block is UTF-8 when it holds more valid multi-byte characters
 * than bytes that belong to none: accents in Windows-1252 hardly ever form valid UTF-8, and one broken character in a UTF-8 file
 * is to cost one row, not the accents of all others. A character that the end of the block cuts is looked at in whole.
 */
export function makeEncodingChoice(): EncodingChoice {
  const lookAheadBytes = 3;
  let fedBytes = 0;
  let chosen: ChosenEncoding | undefined;
  /** From the first byte above 0x7F to the end of its block and a little further. */
  let collected: Buffer[] = [];
  let collectedBytes = 0;
  let blockBytes = 0;

  function collect(bytes: Buffer): void {
    collected.push(bytes);
    collectedBytes += bytes.length;
    if (collectedBytes >= blockBytes + lookAheadBytes) choose();
  }

  function choose(): ChosenEncoding {
    const bytes = Buffer.concat(collected);
    collected = [];
    chosen = isMostlyUtf8(bytes, Math.min(bytes.length, blockBytes)) ? 'utf-8' : 'windows-1252';
    return chosen;
  }

  return {
    get chosen() {
      return chosen;
    },
    get isPending() {
      return chosen === undefined && collectedBytes > 0;
    },
    feed(chunk) {
      if (chosen !== undefined) return;
      if (collectedBytes > 0) collect(chunk);
      else if (!isAscii(chunk)) {
        const first = chunk.findIndex((byte) => byte > 0x7f);
        const position = (fedBytes + first) % choiceBlockBytes;
        blockBytes = choiceBlockBytes - position;
        collect(chunk.subarray(first));
      }
      fedBytes += chunk.length;
    },
    end() {
      if (chosen !== undefined) return chosen;
      if (collectedBytes > 0) return choose();
      chosen = 'utf-8';
      return chosen;
    },
  };
}

/** Judges the characters that begin before `end`. */
function isMostlyUtf8(bytes: Buffer, end: number): boolean {
  let validCount = 0;
  let invalidCount = 0;
  for (let index = 0; index < end; ) {
    const length = utf8SequenceLength(bytes, index, bytes.length);
    if (length > 1) validCount++;
    else if (length === 0) invalidCount++;
    index += Math.max(1, length);
  }
  return validCount > invalidCount;
}
