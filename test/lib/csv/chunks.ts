/** Cuts `bytes` into chunks of these sizes, used in turn. Each chunk has memory of its own. */
export function chunksOf(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length]!;
    chunks.push(Buffer.from(bytes.subarray(at, at + size)));
    at += size;
  }
  return chunks;
}

/** A source that counts how often it was closed. */
export function sourceOf(chunks: readonly Buffer[]): AsyncIterable<Buffer> & { closedCount: number } {
  return {
    closedCount: 0,
    [Symbol.asyncIterator]() {
      let index = 0;
      return {
        next: async () =>
          index < chunks.length ? { done: false, value: chunks[index++]! } : { done: true, value: undefined },
        return: async () => {
          this.closedCount++;
          return { done: true, value: undefined };
        },
      };
    },
  };
}
