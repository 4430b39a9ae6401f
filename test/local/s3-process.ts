/** A development S3 server in a process of its own, for s3-kill.test.ts: `s3-process.ts <folder>`. Says its port. */
import { startS3Server } from '../../local/s3/server.ts';

const { port } = await startS3Server({
  port: 0,
  folder: process.argv[2] ?? '',
  buckets: ['tamis-local'],
  versioning: false,
});
console.log(port);
