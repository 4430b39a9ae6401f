/**
 * Energy and embodied emissions of one request to a hosted language model, by the published formula of EcoLogits 0.9.1
 * (https://github.com/genai-impact/ecologits @2d0a1c7 ecologits/impacts/llm.py, read 2026-11-23; reimplemented).
 * It counts output tokens only. No kind of endpoint uses it yet; it stands here verified for those billed by the token.
 */
import {
  energyOf,
  type Grams,
  grams,
  kilogramsToGrams,
  milliseconds,
  type WattHours,
  wattHours,
  watts,
  yearsToMilliseconds,
} from '../units.ts';

export interface TokenRequest {
  /** Billions of parameters that are active for a token, and in all. */
  readonly activeParameters: number;
  readonly totalParameters: number;
  readonly outputTokenCount: number;
  /** Measured latency; an upper bound of the modelled one. */
  readonly latencyMs?: number;
  readonly pue: number;
}

const batchSize = 64;
const gpuMemoryGb = 80;
const serverGpuCount = 8;
const serverWatts = 1_200;
const gpuEmbodiedKg = 164;
const serverEmbodiedKg = 5_700;
const lifetimeYears = 3;
/** 16 bits quantised to 8, and 20 % on top for what is not weights. */
const gbPerBillionParameters = (1.2 * 16) / 8;

export function estimateTokenRequest(request: TokenRequest): {
  readonly gpuCount: number;
  readonly latencyMs: number;
  /** With PUE. */
  readonly energy: WattHours;
  readonly embodied: Grams;
} {
  const { activeParameters, totalParameters, outputTokenCount, pue } = request;
  const gpuCount = 2 ** Math.ceil(Math.log2(Math.ceil((gbPerBillionParameters * totalParameters) / gpuMemoryGb)));
  const secondsPerToken =
    0.0006785088094353663 * activeParameters + 0.0003119310311688259 * batchSize + 0.019473717579473387;
  const modelledMs = outputTokenCount * secondsPerToken * 1_000;
  const latency = milliseconds(Math.min(modelledMs, request.latencyMs ?? modelledMs));
  const gpuWattHoursPerToken =
    1.1665273170451914e-6 * Math.exp(-0.011205921025579175 * batchSize) * activeParameters + 4.052928146734005e-5;
  const serverShare = gpuCount / serverGpuCount;
  const server = energyOf(watts(serverWatts * serverShare), latency) / batchSize;
  const gpus = gpuCount * gpuWattHoursPerToken * outputTokenCount;
  const hardware = kilogramsToGrams(serverShare * serverEmbodiedKg + gpuCount * gpuEmbodiedKg);
  return {
    gpuCount,
    latencyMs: latency,
    energy: wattHours(pue * (server + gpus)),
    embodied: grams((latency / yearsToMilliseconds(lifetimeYears) / batchSize) * hardware),
  };
}
