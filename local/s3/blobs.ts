import { randomBytes } from 'node:crypto';
import { type FileHandle, mkdir, open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** Takes one chunk; resolves when it is on its way to the disk. */
export type WriteChunk = (chunk: Buffer) => Promise<void>;

/** Files of content. A file is named at random, written once, and means nothing until a record names it. */
export class Blobs {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async prepare(): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
  }

  path(blob: string): string {
    return join(this.#folder, blob);
  }

  /** A new blob with what `fill` writes; no trace of it when `fill` throws. */
  async create<T>(fill: (write: WriteChunk) => Promise<T>): Promise<{ readonly blob: string; readonly filled: T }> {
    const blob = randomBytes(16).toString('hex');
    const handle = await open(this.path(blob), 'wx');
    try {
      const filled = await fill((chunk) => writeWhole(handle, chunk));
      await handle.close();
      return { blob, filled };
    } catch (error) {
      await handle.close();
      await this.remove(blob);
      throw error;
    }
  }

  async open(blob: string): Promise<FileHandle> {
    return await open(this.path(blob), 'r');
  }

  async *read(blob: string, range?: { readonly start: number; readonly end: number }): AsyncGenerator<Buffer> {
    const handle = await this.open(blob);
    yield* handle.createReadStream({ highWaterMark: 256 * 1024, ...range });
  }

  async remove(blob: string): Promise<void> {
    await rm(this.path(blob), { force: true });
  }

  async list(): Promise<readonly string[]> {
    return await readdir(this.#folder);
  }
}

async function writeWhole(handle: FileHandle, chunk: Buffer): Promise<void> {
  for (let written = 0; written < chunk.length; ) {
    written += (await handle.write(chunk, written)).bytesWritten;
  }
}
