"""Speak to an S3 bucket with boto3, as its documentation shows it: boto3_client.py ENDPOINT BUCKET.

A JSON list of [action, argument, ...] on standard input; a JSON list of what each came to on standard output.
"""

import json
import sys

import boto3
from boto3.s3.transfer import TransferConfig
from botocore import UNSIGNED
from botocore.config import Config

MIB = 1024 * 1024
ENDPOINT, BUCKET = sys.argv[1:3]


def connect(signature):
    version = UNSIGNED if signature == "none" else signature
    return boto3.client(
        "s3",
        endpoint_url=ENDPOINT,
        region_name="eu-west-3",
        aws_access_key_id="anyone",
        aws_secret_access_key="anything",
        config=Config(signature_version=version),
    )


def put(key, body, signature="s3v4"):
    """The ETag."""
    return connect(signature).put_object(Bucket=BUCKET, Key=key, Body=body.encode())["ETag"].strip('"')


def upload(key, file):
    """The ETag; in parts of 5 MiB, several at a time."""
    s3 = connect("s3v4")
    in_parts = TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB, max_concurrency=4)
    s3.upload_file(file, BUCKET, key, Config=in_parts)
    return s3.head_object(Bucket=BUCKET, Key=key)["ETag"].strip('"')


def download(key, file):
    """In ranges of 5 MiB, several at a time."""
    in_parts = TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB, max_concurrency=4)
    connect("s3v4").download_file(BUCKET, key, file, Config=in_parts)


def read(key, signature="s3v4"):
    """The object's text."""
    return connect(signature).get_object(Bucket=BUCKET, Key=key)["Body"].read().decode()


def list_keys(prefix, page_size):
    """All keys, from pages of `page_size`."""
    pages = connect("s3v4").get_paginator("list_objects_v2").paginate(
        Bucket=BUCKET, Prefix=prefix, PaginationConfig={"PageSize": page_size}
    )
    return [item["Key"] for page in pages for item in page.get("Contents", [])]


def presign(method, key, signature):
    """The URL that anyone may use for the next hour."""
    return connect(signature).generate_presigned_url(method, Params={"Bucket": BUCKET, "Key": key}, ExpiresIn=3600)


def delete(keys):
    """[deleted, refused], keys."""
    said = connect("s3v4").delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": key} for key in keys]})
    return [[item["Key"] for item in said.get(kind, [])] for kind in ("Deleted", "Errors")]


ACTIONS = {action.__name__: action for action in (put, upload, download, read, list_keys, presign, delete)}


def main():
    asked = json.load(sys.stdin)
    json.dump([ACTIONS[action](*arguments) for action, *arguments in asked], sys.stdout)


if __name__ == "__main__":
    main()
