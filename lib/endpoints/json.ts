/**
 * JSON as services really send it. Python servers write bare `NaN` and `Infinity`, which JSON does not have;
 * they are read as null, so that whatever they stand in counts as unanswered.
 */

/** Returns the value, or undefined when the text is no JSON even so. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return parseTolerantly(text, undefined);
  }
}

/**
 * Like `parseJson`, but an integer beyond 2^53 stays the text that it was. Slower: for answers whose labels turned out to be that large.
 */
export function parseJsonExactly(text: string): unknown {
  try {
    return JSON.parse(text, keepLargeIntegers);
  } catch {
    return parseTolerantly(text, keepLargeIntegers);
  }
}

type Reviver = (key: string, value: unknown, context?: { source?: string }) => unknown;

const keepLargeIntegers: Reviver = (_key, value, context) =>
  typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value)
    ? (context?.source ?? value)
    : value;

function parseTolerantly(text: string, reviver: Reviver | undefined): unknown {
  try {
    return JSON.parse(nullInsteadOfNonNumbers(text), reviver);
  } catch {
    return undefined;
  }
}

const nonNumbers = ['NaN', '-Infinity', 'Infinity'];

/** Goes from token to token, so that the same letters inside a string are left alone. */
function nullInsteadOfNonNumbers(text: string): string {
  let result = '';
  let copiedTo = 0;
  let at = 0;
  while (at < text.length) {
    const character = text[at]!;
    if (character === '"') {
      at = endOfString(text, at);
      continue;
    }
    const found = 'NI-'.includes(character) ? nonNumbers.find((word) => text.startsWith(word, at)) : undefined;
    if (found === undefined) {
      at += 1;
      continue;
    }
    result += `${text.slice(copiedTo, at)}null`;
    at += found.length;
    copiedTo = at;
  }
  return result + text.slice(copiedTo);
}

function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at + 1;
}
