/** The logger of a deployed function: closed lines (`log-lines.ts`) as JSON on standard output, by Powertools. */
import { LogFormatter, LogItem, Logger as PowertoolsLogger } from '@aws-lambda-powertools/logger';
import type { LogAttributes, UnformattedAttributes } from '@aws-lambda-powertools/logger/types';
import { type Logger, makeLogger } from './log-lines.ts';

export interface LambdaLogger extends Logger {
  /** Puts request id and cold start of the invocation on every line that follows. */
  startInvocation(context: Parameters<PowertoolsLogger['addContext']>[0]): void;
}

export function makeLambdaLogger(): LambdaLogger {
  const powertools = new PowertoolsLogger({ serviceName: 'tamis', logFormatter: new ClosedFormatter() });
  return {
    ...makeLogger((level, message, fields) => powertools[level](message, fields)),
    startInvocation: (context) => powertools.addContext(context),
  };
}

/** Level, message, time, service, request id, cold start and trace id, as they stand around the fields of each line in Lambda. */
const envelopeBytes = 215;

/**
 * How many bytes of log `write` writes, without writing them: CloudWatch bills them, so a receipt must know the line that
 * it will stand on. Within some 50 bytes a line: request ids and trace ids are not always there.
 */
export function sizeLog(write: (logger: Logger) => void): number {
  let sizeBytes = 0;
  write(
    makeLogger((_level, _message, fields) => {
      sizeBytes += envelopeBytes + Buffer.byteLength(JSON.stringify(fields));
    }),
  );
  return sizeBytes;
}

/** Has the last word on a line: what other code hangs onto Powertools (keys, the event) does not get through. */
class ClosedFormatter extends LogFormatter {
  formatAttributes(
    { logLevel, message, timestamp, serviceName, lambdaContext, xRayTraceId }: UnformattedAttributes,
    fields: LogAttributes,
  ): LogItem {
    const line = new LogItem({
      attributes: {
        level: logLevel,
        message,
        timestamp: this.formatTimestamp(timestamp),
        service: serviceName,
        requestId: lambdaContext?.awsRequestId,
        coldStart: lambdaContext?.coldStart,
        traceId: xRayTraceId,
        ...fields,
      },
    });
    line.prepareForPrint();
    return line;
  }
}
