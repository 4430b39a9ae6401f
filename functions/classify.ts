/** S3 ObjectCreated -> a job. */
import middy from '@middy/core';
import type { Context } from 'aws-lambda';
import { objectsCreated } from '../lib/job/event.ts';
import { runJob } from '../lib/job/run.ts';
import { closeError } from '../lib/privacy/close-error.ts';
import { runAndReport } from './support/report.ts';
import { reporting, startInvocation } from './support/wiring.ts';

/** A failure that Lambda's retries may cure is thrown, after the other objects of the event had their turn. */
async function classify(event: unknown, context: Context): Promise<void> {
  const makeTools = startInvocation(context);
  let failure: { readonly error: unknown } | undefined;
  for (const created of objectsCreated(event)) {
    const request = {
      ...created,
      fallbackVersion: context.awsRequestId,
      redrive: (event as { readonly redrive?: unknown }).redrive === true,
    };
    try {
      await runAndReport(reporting, makeTools(created.bucket), (tools) => runJob(tools, request));
    } catch (error) {
      failure = { error };
    }
  }
  if (failure !== undefined) throw closeError(failure.error);
}

export const handler = middy<unknown, void>().handler(classify);
