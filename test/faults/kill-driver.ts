/** The process that is killed: says when it is ready, runs one job when it is told to, and reports each step and the end. */
import { type KillableJob, runKillable } from './kill-job.ts';

process.once('message', (job: KillableJob) => {
  runKillable(job, () => process.send?.('step')).then(
    ({ kind }) => process.send?.(kind, () => process.exit(0)),
    () => process.send?.('failed to run', () => process.exit(1)),
  );
});
process.send?.('ready');
