/** 0 done, 1 the job failed, 2 wrong usage or configuration, 130 interrupted. */
export type ExitStatus = 0 | 1 | 2 | 130;

/** What a command ends with when it fails with an error of this code. */
export function statusOfCode(code: string): ExitStatus {
  if (code === 'local.interrupted') return 130;
  return /^(config|residency|local)\./.test(code) ? 2 : 1;
}
