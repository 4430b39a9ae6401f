import { Presets, SingleBar } from 'cli-progress';
import type { JobProgress } from '../lib/job/run.ts';
import type { CostReceipt } from '../lib/ledger/types.ts';

export interface ProgressBar {
  readonly update: (progress: JobProgress) => void;
  stop(): void;
}

/** Rows, rows/s, bytes, time left, cost so far, on one line of a terminal. */
export function makeProgressBar(stream: NodeJS.WriteStream): ProgressBar {
  const startedMs = performance.now();
  const bar = new SingleBar(
    {
      stream,
      format: '{bar} {percentage}% | {rows} rows | {rate} rows/s | {megabytes} MB | {left} left | {cost}',
      fps: 8,
      hideCursor: true,
      clearOnComplete: true,
      stopOnComplete: true,
    },
    Presets.shades_classic,
  );
  let isStarted = false;
  return {
    update(progress) {
      const { bytesDelivered, sizeBytes, rowsDelivered } = progress;
      const seconds = (performance.now() - startedMs) / 1000;
      const fields = {
        rows: rowsDelivered.toLocaleString('en-US'),
        rate: Math.round(rowsDelivered / seconds).toLocaleString('en-US'),
        megabytes: (bytesDelivered / 1e6).toFixed(1),
        left: bytesDelivered === 0 ? '?' : duration((seconds * (sizeBytes - bytesDelivered)) / bytesDelivered),
        cost: amount(progress.costSoFar()),
      };
      if (!isStarted) bar.start(sizeBytes, bytesDelivered, fields);
      isStarted = true;
      bar.update(bytesDelivered, fields);
    },
    stop: () => bar.stop(),
  };
}

function amount({ currency, total, complete }: CostReceipt): string {
  return `${complete ? '' : 'at least '}${total.toPrecision(3)} ${currency}`;
}

function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}
