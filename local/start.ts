/** `npm start`: the local stack, until Ctrl-C. */
import { printLocalError } from './print-error.ts';
import { readStackOptions, startStack } from './stack.ts';

async function main(): Promise<number> {
  const options = readStackOptions(process.argv.slice(2));
  const stack = await startStack(options, 'inherit');
  process.stdout.write(`
Drop a CSV under a route's prefix with any S3 client, and find the result under output/:

  aws --endpoint-url ${stack.endpoint} --region eu-west-3 --no-sign-request s3 cp samples/wine.csv s3://tamis-local/input/wine/wine.csv
  aws --endpoint-url ${stack.endpoint} --region eu-west-3 --no-sign-request s3 ls --recursive s3://tamis-local/output/

Without an S3 client: curl --upload-file samples/wine.csv ${stack.endpoint}/tamis-local/input/wine/wine.csv
The same as files: .tamis/s3/tamis-local/output/        Ctrl-C stops.
`);
  process.once('SIGINT', () => void stack.stop());
  process.once('SIGTERM', () => void stack.stop());
  return stack.ended;
}

main().then(
  (status) => {
    process.exitCode = status;
  },
  (error: unknown) => {
    process.exitCode = printLocalError(error);
  },
);
