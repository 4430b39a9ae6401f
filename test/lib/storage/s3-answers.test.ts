import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { answeredAtMs, byAge, decodeKey, keepAnswerTime, toHead } from '../../../lib/storage/s3-answers.ts';

describe('decodeKey', () => {
  it('reads back every key from the encoding of a form', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (key) => {
        expect(decodeKey(encodeURIComponent(key), 'url')).toBe(key);
        expect(decodeKey(encodeURIComponent(key).replaceAll('%20', '+'), 'url')).toBe(key);
      }),
    );
  });

  it('leaves a key alone when the server encoded none', () => {
    expect(decodeKey('a+b%20c', undefined)).toBe('a+b%20c');
  });
});

describe('byAge', () => {
  it('puts the latest first, then by time, and a marker before the version of its second', () => {
    const at = (seconds: number) => new Date(seconds * 1000);
    const markers = [{ VersionId: 'marker', IsLatest: false, LastModified: at(2) }];
    const versions = [
      { VersionId: 'v3', IsLatest: true, LastModified: at(2) },
      { VersionId: 'v2', IsLatest: false, LastModified: at(2) },
      { VersionId: 'v1', IsLatest: false, LastModified: at(1) },
    ];

    const ids = [...markers, ...versions].sort(byAge).map(({ VersionId }) => VersionId);

    expect(ids).toEqual(['v3', 'marker', 'v2', 'v1']);
  });
});

describe('answeredAtMs', () => {
  it('is the Date header, and storage.unavailable without one', () => {
    const dated = {};
    const undated = {};
    keepAnswerTime(dated, 'Mon, 23 Nov 2026 08:07:32 GMT');
    keepAnswerTime(undated, undefined);

    expect(answeredAtMs(dated)).toBe(Date.UTC(2026, 10, 23, 8, 7, 32));
    for (const output of [undated, {}]) {
      expect(() => answeredAtMs(output)).toThrow(expect.objectContaining({ code: 'storage.unavailable' }));
    }
  });
});

describe('toHead', () => {
  it('gives the size of the whole object for a range, the bare ETag, and no version where S3 says null', () => {
    const output = {
      ETag: '"abc-2"',
      VersionId: 'null',
      ContentLength: 3,
      ContentRange: 'bytes 0-2/10',
      LastModified: new Date(5000),
      Metadata: { job: 'j', 'tamis-write': 'id' },
    };
    keepAnswerTime(output, 'Mon, 23 Nov 2026 08:07:32 GMT');

    expect(toHead('k', output)).toEqual({
      key: 'k',
      etag: 'abc-2',
      sizeBytes: 10,
      lastModifiedMs: 5000,
      answeredAtMs: Date.UTC(2026, 10, 23, 8, 7, 32),
      metadata: { job: 'j' },
    });
  });
});
