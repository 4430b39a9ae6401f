import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Logger } from '../../../lib/privacy/log-lines.ts';
import { makeLambdaLogger, sizeLog } from '../../../lib/privacy/logger.ts';

let written: string[] = [];

const invocation = (awsRequestId: string) =>
  ({
    awsRequestId,
    invokedFunctionArn: 'arn',
    functionName: 'f',
    functionVersion: '1',
    memoryLimitInMB: '128',
  }) as never;

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
    makeLambdaLogger().logDuplicate({ job: 'wine-1', route: 'wine' });

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

  it('knows the size of lines before they are written, but for the ids of the invocation', () => {
    const write = (logger: Logger): void => {
      logger.logIgnored({ key: 'input/vin/château 日本.pdf', reason: 'no-match' });
      logger.logFailure(new Error('x'), { job: 'a', route: 'wine' });
    };

    const sizeBytes = sizeLog(write);

    expect(written).toEqual([]);
    const lambda = makeLambdaLogger();
    lambda.startInvocation(invocation('a'.repeat(36)));
    write(lambda);
    expect(written).toHaveLength(2);
    const writtenBytes = Buffer.byteLength(written.join(''));
    expect(sizeBytes).toBeGreaterThanOrEqual(writtenBytes);
    // The trace id is missing here.
    expect(sizeBytes - writtenBytes).toBeLessThanOrEqual(2 * 55);
  });

  it('puts the request id of the invocation on the lines that follow, and of the next one after that', () => {
    const logger = makeLambdaLogger();

    logger.startInvocation(invocation('one'));
    logger.logDuplicate({ job: 'a', route: 'b' });
    logger.startInvocation(invocation('two'));
    logger.logDuplicate({ job: 'a', route: 'b' });

    expect(written.map((line) => JSON.parse(line).requestId)).toEqual(['one', 'two']);
  });
});
