import type { CsvOptions } from '../../../lib/csv/types.ts';

/** The defaults of a route. */
export const routeCsv: CsvOptions = {
  delimiter: 'auto',
  encoding: 'auto',
  quote: '"',
  header: true,
  decimal: 'auto',
  thousands: null,
  missing: [''],
  maxRecordBytes: 1_048_576,
};
