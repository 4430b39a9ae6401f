import { describe, expect, it } from '@jest/globals';
import { formatS3Location, parseS3Location } from '../../../lib/storage/s3-location.ts';

describe('parseS3Location', () => {
  it.each([
    ['s3://bucket/key', 'bucket', 'key'],
    ['s3://bucket/a/b c+d%20é.csv', 'bucket', 'a/b c+d%20é.csv'],
    ['s3://bucket//a\nb', 'bucket', '/a\nb'],
    ['s3://bucket/', 'bucket', ''],
    ['s3://bucket', 'bucket', ''],
  ])('reads %j', (text, bucket, key) => {
    expect(parseS3Location(text)).toEqual({ bucket, key });
    expect(parseS3Location(formatS3Location({ bucket, key }))).toEqual({ bucket, key });
  });

  it.each(['', 'bucket/key', 's3:/bucket/key', 's3://', 's3:///key', 'S3://bucket/key', './s3://bucket/key'])(
    'finds none in %j',
    (text) => {
      expect(parseS3Location(text)).toBeUndefined();
    },
  );
});
