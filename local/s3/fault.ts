/** The errors that S3 answers with, as AWS spells them: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html (read 2026-11-20). */

const faults = {
  NotModified: [304, 'Not Modified'],
  BadDigest: [400, 'The digest or checksum you specified did not match the calculated one.'],
  EntityTooLarge: [400, 'Your proposed upload exceeds the maximum allowed object size.'],
  EntityTooSmall: [400, 'Your proposed upload is smaller than the minimum allowed object size.'],
  IncompleteBody: [400, 'The request body ended before the number of bytes that its headers announce.'],
  InvalidArgument: [400, 'Invalid argument.'],
  InvalidBucketName: [400, 'The specified bucket is not valid.'],
  InvalidDigest: [400, 'The Content-MD5 you specified is not valid.'],
  InvalidPart: [400, 'One or more of the specified parts could not be found, or a tag or checksum does not match.'],
  InvalidPartOrder: [400, 'The list of parts was not in ascending order.'],
  InvalidRequest: [400, 'Invalid request.'],
  InvalidTag: [400, 'The tag provided was not a valid tag.'],
  InvalidURI: [400, "Couldn't parse the specified URI."],
  KeyTooLongError: [400, 'Your key is too long.'],
  MalformedTrailerError: [400, 'The request contained trailing data that was not well-formed.'],
  MalformedXML: [400, 'The XML you provided was not well-formed or did not validate against our published schema.'],
  MetadataTooLarge: [400, 'Your metadata headers exceed the maximum allowed metadata size.'],
  XAmzContentSHA256Mismatch: [400, "The provided 'x-amz-content-sha256' header does not match what was computed."],
  InvalidChunkSizeError: [400, 'Only the last chunk is allowed to have a size less than 8192 bytes'],
  NoSuchBucket: [404, 'The specified bucket does not exist.'],
  NoSuchKey: [404, 'The specified key does not exist.'],
  NoSuchUpload: [404, 'The specified multipart upload does not exist. It may have been aborted or completed.'],
  NoSuchVersion: [404, 'The specified version does not exist.'],
  MethodNotAllowed: [405, 'The specified method is not allowed against this resource.'],
  BucketAlreadyOwnedByYou: [409, 'Your previous request to create the named bucket succeeded and you already own it.'],
  BucketNotEmpty: [409, 'The bucket you tried to delete is not empty.'],
  MissingContentLength: [411, 'You must provide the Content-Length HTTP header.'],
  PreconditionFailed: [412, 'At least one of the pre-conditions you specified did not hold.'],
  InvalidRange: [416, 'The requested range is not satisfiable.'],
  InternalError: [500, 'We encountered an internal error.'],
  NotImplemented: [501, 'A header or query you provided implies functionality that is not implemented.'],
} as const satisfies Record<string, readonly [status: number, message: string]>;

export type FaultCode = keyof typeof faults;

/** A refusal of one request. `headers` are added to the reply; `details` become elements of the XML. */
export class S3Fault extends Error {
  override readonly name = 'S3Fault';
  readonly code: FaultCode;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly details: Readonly<Record<string, string>>;

  constructor(
    code: FaultCode,
    options: {
      readonly message?: string;
      readonly headers?: Record<string, string>;
      readonly details?: Record<string, string>;
      readonly cause?: unknown;
    } = {},
  ) {
    super(options.message ?? faults[code][1], { cause: options.cause });
    this.code = code;
    this.status = faults[code][0];
    this.headers = options.headers ?? {};
    this.details = options.details ?? {};
  }
}
