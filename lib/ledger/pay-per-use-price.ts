/**
 * Cost formulas of services that charge for the work and sleep in between. No kind of endpoint uses them yet: the caller of SageMaker
 * cannot see whether it is serverless, and no EU price of it is known. They stand here verified for the kinds that will.
 */
import { bytesPerGigabyte, memoryTime, milliseconds, secondsPerHour } from '../units.ts';

export interface ServerlessUse {
  /** Sum over the calls; seen from the caller it includes the network, so the amount is an upper bound. */
  readonly modelMs: number;
  readonly memoryMb: number;
  /** In and out. */
  readonly dataBytes: number;
}

/** Inference billed by memory-time and data (SageMaker serverless: https://aws.amazon.com/sagemaker/ai/pricing/, read 2026-11-23). */
export const serverlessAmount = (
  { modelMs, memoryMb, dataBytes }: ServerlessUse,
  price: { readonly perGbSecond: number; readonly perGb: number },
): number =>
  memoryTime(memoryMb, milliseconds(modelMs)) * price.perGbSecond + (dataBytes / bytesPerGigabyte) * price.perGb;

/**
 * An instance that scales to zero, for its only caller: start, work and the idle tail before it sleeps again, in whole minutes
 * (Hugging Face: https://github.com/huggingface/hf-endpoints-documentation docs/source/support/pricing.md, read 2026-05-19).
 */
export function scaleToZeroAmount(
  times: { readonly coldSeconds: number; readonly busySeconds: number; readonly idleTailSeconds: number },
  pricePerHour: number,
): { readonly billedMinutes: number; readonly amount: number } {
  const billedMinutes = Math.ceil((times.coldSeconds + times.busySeconds + times.idleTailSeconds) / 60);
  return { billedMinutes, amount: ((billedMinutes * 60) / secondsPerHour) * pricePerHour };
}
