import { describe, expect, it } from '@jest/globals';
import { decodeKey, objectsCreated } from '../../../lib/job/event.ts';

const record = {
  eventVersion: '2.1',
  eventSource: 'aws:s3',
  awsRegion: 'eu-west-3',
  eventName: 'ObjectCreated:Put',
  s3: {
    bucket: { name: 'b' },
    object: { key: 'input/wine/a+b%2B%C3%A9.csv', size: 7, eTag: 'e', versionId: 'v', sequencer: '01' },
  },
};

describe('decodeKey', () => {
  it('reads a plus as a space and only then the escapes', () => {
    expect(decodeKey('a+b%2Bc%20d')).toBe('a b+c d');
  });
});

describe('objectsCreated', () => {
  it('reads all that a job needs of each record', () => {
    expect(objectsCreated({ Records: [record] })).toEqual([
      {
        bucket: 'b',
        key: 'input/wine/a b+é.csv',
        region: 'eu-west-3',
        sizeBytes: 7,
        etag: 'e',
        versionId: 'v',
        sequencer: '01',
      },
    ]);
  });

  it('takes every record of an event, and every way to create an object', () => {
    const names = ['ObjectCreated:Copy', 'ObjectCreated:CompleteMultipartUpload', 'ObjectCreated:Post'];

    expect(objectsCreated({ Records: names.map((eventName) => ({ ...record, eventName })) })).toHaveLength(3);
  });

  it('leaves versions undefined where the bucket keeps none', () => {
    const object = { key: 'input/a.csv', size: 1, eTag: 'e', sequencer: '01' };

    const [created] = objectsCreated({ Records: [{ ...record, s3: { bucket: { name: 'b' }, object } }] });

    expect(created).toMatchObject({ versionId: undefined, sequencer: '01' });
  });

  it.each([
    ["S3's test event", { Service: 'Amazon S3', Event: 's3:TestEvent', Bucket: 'b' }],
    ['a deletion', { Records: [{ ...record, eventName: 'ObjectRemoved:Delete' }] }],
    ['an event of another service', { Records: [{ ...record, eventSource: 'aws:sqs' }] }],
    ['a version of the structure that is not known', { Records: [{ ...record, eventVersion: '3.0' }] }],
    ['a record without an object', { Records: [{ ...record, s3: { bucket: { name: 'b' } } }] }],
    ['nothing', undefined],
    ['null', null],
    ['a text', 'Records'],
  ])('finds none in %s', (_, event) => {
    expect(objectsCreated(event)).toEqual([]);
  });
});
