"""The object store: an S3 bucket, or files."""
