/** The judge of the scanner for arbitrary bytes: whole file in memory, one byte after the other, nothing remembered, no speed. */
export interface ReferenceRecord {
  readonly code: '' | 'row.quote' | 'row.too-long' | 'row.field-count';
  readonly start: number;
  readonly end: number;
  readonly next: number;
  readonly fieldCount: number;
}

export interface ReferenceRules {
  readonly delimiter: string;
  readonly quote: string | null;
  readonly lineEnd: string;
  readonly fieldCount: number;
  readonly maxRecordBytes: number;
}

/** `text`: one character a byte. */
export function referenceScan(text: string, rules: ReferenceRules): ReferenceRecord[] {
  const { delimiter, quote, lineEnd, maxRecordBytes: max } = rules;
  const records: ReferenceRecord[] = [];
  for (let start = 0; start < text.length; ) {
    let [at, state, fieldCount, firstLineFrom] = [start, 'start', 1, -1];
    for (let deadline = 0; at < text.length && (state === 'quoted' || !text.startsWith(lineEnd, at)); at++) {
      const char = text[at];
      if (state === 'quoted') {
        if (at >= deadline) break;
        if (char === quote) state = 'seen';
      } else if (state === 'spoilt') continue;
      else if (char === delimiter) [state, fieldCount] = ['start', fieldCount + 1];
      else if (char !== quote) state = state === 'seen' ? 'spoilt' : 'plain';
      else if (state === 'plain') state = 'spoilt';
      else {
        if (state === 'start') firstLineFrom = at - start >= max ? at : start;
        state = 'quoted';
        deadline = firstLineFrom + max;
      }
    }
    const lineEndAt = state === 'quoted' ? text.indexOf(lineEnd, firstLineFrom) : at;
    const end = lineEndAt < 0 ? text.length : lineEndAt;
    const next = Math.min(text.length, end + lineEnd.length);
    let code: ReferenceRecord['code'] = fieldCount === rules.fieldCount ? '' : 'row.field-count';
    if (end - start > max) code = 'row.too-long';
    if (state === 'quoted' || state === 'spoilt') code = 'row.quote';
    if (end > start) records.push({ code, start, end, next, fieldCount });
    start = next;
  }
  return records;
}
