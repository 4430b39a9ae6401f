/** The logger of a deployed function: closed lines (`log-lines.ts`) as JSON on standard output, by Powertools. */
import { LogFormatter, LogItem, Logger as PowertoolsLogger } from '@aws-lambda-powertools/logger';
import type { LogAttributes, UnformattedAttributes } from '@aws-lambda-powertools/logger/types';
import { type Logger, makeLogger } from './log-lines.ts';

export interface LambdaLogger extends Logger {
  /** Puts request id and cold start of the invocation on every line that follows. */
  startInvocation(context: Parameters<PowertoolsLogger['addContext']>[0]): void;
}

/** `onBytes` hears the size in bytes of each line written, its line end included: CloudWatch bills them, so the ledger counts them. */
export function makeLambdaLogger({ onBytes }: { readonly onBytes: (sizeBytes: number) => void }): LambdaLogger {
  const powertools = new PowertoolsLogger({ serviceName: 'tamis', logFormatter: new ClosedFormatter(onBytes) });
  return {
    ...makeLogger((level, message, fields) => powertools[level](message, fields)),
    startInvocation: (context) => powertools.addContext(context),
  };
}

/** Has the last word on a line: what other code hangs onto Powertools (keys, the event) does not get through. */
class ClosedFormatter extends LogFormatter {
  readonly #onBytes: (sizeBytes: number) => void;

  constructor(onBytes: (sizeBytes: number) => void) {
    super();
    this.#onBytes = onBytes;
  }

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
    this.#onBytes(Buffer.byteLength(JSON.stringify(line.getAttributes())) + 1);
    return line;
  }
}
