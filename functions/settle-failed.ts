/** An event that failed on its last retry -> its error file, once. Fed by the on-failure destination, or from the dead-letter queue. */
import middy from '@middy/core';
import type { Context } from 'aws-lambda';
import { objectsCreated } from '../lib/job/event.ts';
import { type LastFailure, settleJob } from '../lib/job/settle.ts';
import { closeError } from '../lib/privacy/close-error.ts';
import { runAndReport } from './support/report.ts';
import { reporting, startInvocation } from './support/wiring.ts';

/** https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html (read 2026-11-23) */
interface DestinationRecord {
  readonly requestContext?: { readonly requestId?: string } | null;
  readonly requestPayload?: unknown;
  readonly responsePayload?: { readonly errorMessage?: unknown } | null;
}

async function settleFailed(event: unknown, context: Context): Promise<void> {
  const makeTools = startInvocation(context);
  for (const record of destinationRecords(event)) {
    const { errorMessage } = record.responsePayload ?? {};
    const failure: LastFailure = { message: typeof errorMessage === 'string' ? errorMessage : '' };
    // In the name of the invocation that failed: when that one was killed a moment ago its claim still looks alive, and then this
    // has to be tried again. Under a name of its own it would leave the job to retries that are over.
    const awsRequestId = record.requestContext?.requestId ?? context.awsRequestId;
    // The destination wraps the event; the dead-letter queue keeps it bare.
    for (const created of objectsCreated(record.requestPayload ?? record)) {
      try {
        const request = { ...created, fallbackVersion: awsRequestId, redrive: false };
        const tools = makeTools(created.bucket, awsRequestId);
        await runAndReport(reporting, tools, (all) => settleJob(all, request, failure));
      } catch (error) {
        throw closeError(error);
      }
    }
  }
}

function destinationRecords(event: unknown): readonly DestinationRecord[] {
  const { Records: records } = event as { readonly Records?: ReadonlyArray<{ readonly body?: string }> };
  if (!Array.isArray(records)) return [event as DestinationRecord];
  return records.flatMap(({ body }) => (body === undefined ? [] : [JSON.parse(body) as DestinationRecord]));
}

export const handler = middy<unknown, void>().handler(settleFailed);
