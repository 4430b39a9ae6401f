/**
 * Thrown, and caught at the top of a job, when this run must leave without a trace: another run of the same job holds or
 * published it (`duplicate`), or a newer upload took the key (`superseded`).
 */
export class Withdrawn extends Error {
  override readonly name = 'Withdrawn';
  readonly as: 'duplicate' | 'superseded';

  constructor(as: 'duplicate' | 'superseded') {
    super(as);
    this.as = as;
  }
}
