/** Writes pieces in turn; the next one is put together while the last is still being written. */
export interface WriteBehind {
  /** Resolves when the piece before is written. Rejects when it could not be. */
  write(piece: Buffer): Promise<void>;
  /** Resolves when all is written. Rejects like `write`. */
  finish(): Promise<void>;
}

export function makeWriteBehind(write: (piece: Buffer) => Promise<void>): WriteBehind {
  let underWay: Promise<void> = Promise.resolve();
  return {
    async write(piece) {
      await underWay;
      underWay = write(piece);
      // Whoever writes next, or finishes, is told.
      underWay.catch(() => undefined);
    },
    finish: () => underWay,
  };
}
