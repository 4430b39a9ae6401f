/**
 * The automaton that finds where a record ends. It reads bytes, so it works for every encoding in which the bytes of the
 * delimiter, the quote and the line end stand for nothing else: UTF-8, Windows-1252, ISO-8859-15. UTF-16 is transcoded first.
 */

/** States: where in a record the next byte stands. */
export const startOfField = 0;
export const unquoted = 1;
export const quoted = 2;
export const quoteSeen = 3;
/** A stray quote was met: the record ends at the next line end, whatever quotes follow. */
export const spoilt = 4;
/** Not a state: the record is over. */
export const ended = 5;

/** Kinds of bytes. */
export const ordinary = 0;
export const delimiterKind = 1;
export const quoteKind = 2;
export const lineEndKind = 3;

/** The next state is `transitions[state * 4 + kind]`. Arriving at `startOfField` is one more field. */
export const transitions = Uint8Array.from(
  [
    // ordinary   delimiter     quote      line end
    [unquoted, startOfField, quoted, ended], // start of field
    [unquoted, startOfField, spoilt, ended], // unquoted
    [quoted, quoted, quoteSeen, quoted], // quoted
    [spoilt, startOfField, quoted, ended], // quote seen
    [spoilt, spoilt, spoilt, ended], // spoilt
  ].flat(),
);
