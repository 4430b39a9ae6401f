import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Bucket, type Versioning } from './bucket.ts';
import { S3Fault } from './fault.ts';
import { takeOver } from './take-over.ts';

export interface ServiceOptions {
  readonly folder: string;
  readonly region: string;
  /** Of buckets that are made. */
  readonly versioning: Versioning;
  readonly now: () => number;
}

/** All buckets of one server. */
export class Service {
  readonly region: string;
  readonly now: () => number;
  readonly #options: ServiceOptions;
  readonly #buckets = new Map<string, Bucket>();

  private constructor(options: ServiceOptions) {
    this.#options = options;
    this.region = options.region;
    this.now = options.now;
  }

  /** Opens the buckets of the last run, and makes those of `names` that are missing. */
  static async open(options: ServiceOptions, names: readonly string[]): Promise<Service> {
    const service = new Service(options);
    const left = await readdir(join(options.folder, '.server')).catch(() => []);
    for (const name of new Set([...left, ...names])) await service.#open(name);
    return service;
  }

  async #open(name: string): Promise<void> {
    const bucket = await Bucket.open({ ...this.#options, name }, this.#options.versioning);
    await takeOver(bucket);
    this.#buckets.set(name, bucket);
  }

  /** By name. */
  list(): readonly Bucket[] {
    return [...this.#buckets.values()].sort((one, other) => (one.name < other.name ? -1 : 1));
  }

  /** Throws `NoSuchBucket`. */
  bucket(name: string): Bucket {
    const bucket = this.#buckets.get(name);
    if (bucket === undefined) throw new S3Fault('NoSuchBucket', { details: { BucketName: name } });
    return bucket;
  }

  /** Throws `InvalidBucketName` and `BucketAlreadyOwnedByYou`. */
  async create(name: string): Promise<void> {
    if (!isBucketName(name)) throw new S3Fault('InvalidBucketName');
    if (this.#buckets.has(name)) throw new S3Fault('BucketAlreadyOwnedByYou');
    await this.#open(name);
  }

  /** Throws `NoSuchBucket` and `BucketNotEmpty`. */
  async remove(name: string): Promise<void> {
    const bucket = this.bucket(name);
    if (bucket.sortedKeys().length > 0) throw new S3Fault('BucketNotEmpty');
    this.#buckets.delete(name);
    await bucket.destroy();
  }
}

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html (read 2026-11-20). No name can leave a folder. */
export function isBucketName(name: string): boolean {
  return /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name) && !name.includes('..');
}
