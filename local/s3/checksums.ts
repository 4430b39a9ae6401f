/**
 * The checksums of the S3 API: https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html (read 2026-11-20).
 * A checksum travels as base64 of its big-endian bytes.
 */
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';

export const checksumAlgorithms = ['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256'] as const;
export type ChecksumAlgorithm = (typeof checksumAlgorithms)[number];
/** `COMPOSITE`: a checksum of the parts' checksums, written `<value>-<part count>`. */
export type ChecksumType = 'FULL_OBJECT' | 'COMPOSITE';

export interface Checksum {
  readonly algorithm: ChecksumAlgorithm;
  /** Base64, with `-<part count>` behind it when composite. */
  readonly value: string;
  readonly type: ChecksumType;
}

/** Bytes of the binary form. */
export const checksumSizeBytes: Readonly<Record<ChecksumAlgorithm, number>> = {
  CRC32: 4,
  CRC32C: 4,
  CRC64NVME: 8,
  SHA1: 20,
  SHA256: 32,
};

/** The header that carries the checksum, in lower case. */
export function checksumHeader(algorithm: ChecksumAlgorithm): string {
  return `x-amz-checksum-${algorithm.toLowerCase()}`;
}

/** The element that carries the checksum in XML. */
export function checksumElement(algorithm: ChecksumAlgorithm): string {
  return `Checksum${algorithm}`;
}

/** The algorithm of this name, whatever its case. */
export function findAlgorithm(name: string): ChecksumAlgorithm | undefined {
  return checksumAlgorithms.find((algorithm) => algorithm === name.toUpperCase());
}

export interface Hasher {
  update(chunk: Buffer): void;
  digest(): Buffer;
}

export function makeHasher(algorithm: ChecksumAlgorithm): Hasher {
  switch (algorithm) {
    case 'CRC32':
      return makeCrc32();
    case 'CRC32C':
      return makeCrc32c();
    case 'CRC64NVME':
      return makeCrc64Nvme();
    case 'SHA1':
      return createHash('sha1');
    case 'SHA256':
      return createHash('sha256');
  }
}

function makeCrc32(): Hasher {
  let value = 0;
  return {
    update: (chunk) => {
      value = crc32(chunk, value);
    },
    digest: () => bigEndian(value),
  };
}

function bigEndian(...words: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * words.length);
  for (const [index, word] of words.entries()) bytes.writeUInt32BE(word >>> 0, 4 * index);
  return bytes;
}

/** Reflected polynomial 0x82F63B78 (RFC 3720, appendix B.4). */
const crc32cTable = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
  return value;
});

function makeCrc32c(): Hasher {
  let value = 0xffffffff;
  return {
    update: (chunk) => {
      let crc = value;
      for (const byte of chunk) crc = crc32cTable[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
      value = crc;
    },
    digest: () => bigEndian(~value),
  };
}

/** CRC-64/NVME, reflected polynomial 0x9A6C9329AC4BC9B5 (NVM Express command set 1.0d, section 5.2.1.3.4), kept as two 32-bit halves: bigint is too slow. */
const crc64Tables = (() => {
  const high = new Uint32Array(256);
  const low = new Uint32Array(256);
  for (let index = 0; index < 256; index += 1) {
    let value = BigInt(index);
    for (let bit = 0; bit < 8; bit += 1) value = value & 1n ? (value >> 1n) ^ 0x9a6c9329ac4bc9b5n : value >> 1n;
    high[index] = Number(value >> 32n);
    low[index] = Number(value & 0xffffffffn);
  }
  return { high, low };
})();

function makeCrc64Nvme(): Hasher {
  let high = 0xffffffff;
  let low = 0xffffffff;
  return {
    update: (chunk) => {
      for (const byte of chunk) {
        const index = (low ^ byte) & 0xff;
        low = ((low >>> 8) | (high << 24)) ^ crc64Tables.low[index]!;
        high = (high >>> 8) ^ crc64Tables.high[index]!;
      }
    },
    digest: () => bigEndian(~high, ~low),
  };
}
