import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { makeLambdaLogger } from '../../../lib/privacy/logger.ts';

let written: string[] = [];

beforeEach(() => {
  written = [];
  const capture = (chunk: unknown): boolean => {
    written.push(String(chunk));
    return true;
  };
  jest.spyOn(process.stdout, 'write').mockImplementation(capture);
  jest.spyOn(process.stderr, 'write').mockImplementation(capture);
});

afterEach(() => {
  jest.restoreAllMocks();
});

describe('makeLambdaLogger', () => {
  it('writes one line of JSON with the message at its top', () => {
    makeLambdaLogger({ onBytes: () => undefined }).logDuplicate({ job: 'wine-1', route: 'wine' });

    expect(written).toHaveLength(1);
    expect(written[0]?.split('\n')).toEqual([expect.any(String), '']);
    expect(JSON.parse(written[0]!)).toEqual({
      level: 'INFO',
      message: 'duplicate',
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      service: 'tamis',
      job: 'wine-1',
      route: 'wine',
    });
  });

  it('reports exactly the bytes that it writes', () => {
    let sizeBytes = 0;
    const logger = makeLambdaLogger({ onBytes: (count) => (sizeBytes += count) });

    logger.logIgnored({ key: 'input/vin/château 日本.pdf', reason: 'no-match' });
    logger.logFailure(new Error('x'), { job: 'a' });

    expect(written).toHaveLength(2);
    expect(sizeBytes).toBe(Buffer.byteLength(written.join('')));
  });

  it('puts the request id of the invocation on the lines that follow, and of the next one after that', () => {
    const logger = makeLambdaLogger({ onBytes: () => undefined });
    const context = (awsRequestId: string) =>
      ({
        awsRequestId,
        invokedFunctionArn: 'arn',
        functionName: 'f',
        functionVersion: '1',
        memoryLimitInMB: '128',
      }) as never;

    logger.startInvocation(context('one'));
    logger.logDuplicate({ job: 'a', route: 'b' });
    logger.startInvocation(context('two'));
    logger.logDuplicate({ job: 'a', route: 'b' });

    expect(written.map((line) => JSON.parse(line).requestId)).toEqual(['one', 'two']);
  });
});
