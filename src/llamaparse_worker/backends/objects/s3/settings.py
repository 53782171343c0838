"""Settings of the S3 store; the names are those of the original deployment and of the AWS tools."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

_SIGNATURES = {"v4": "s3v4", "v2": "s3"}


def _signature(value: object) -> object:
    return _SIGNATURES.get(value, value) if isinstance(value, str) else value


class S3Settings(BaseModel):
    """Where S3 answers, with which keys, and in which buckets documents and results lie."""

    model_config = ConfigDict(frozen=True)

    s3_endpoint_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^\s/?#]+/?$",
        description="Address of an S3-compatible store, such as http://minio:9000; none means AWS. "
        "With an address, buckets stand in the path and checksums that only AWS knows are left out",
    )
    s3_upload_bucket: str = Field(
        default="llama-platform-file-parsing",
        min_length=1,
        description="Bucket in which a source that is a plain object key is looked for first",
    )
    s3_output_bucket: str = Field(
        default="llama-platform-file-parsing",
        min_length=1,
        description="Bucket of everything that is written: results, and documents that `submit` uploads. "
        "A source key that S3_UPLOAD_BUCKET does not have is looked for here",
    )
    aws_region: str | None = Field(default=None, description="Region; wins over AWS_DEFAULT_REGION")
    aws_default_region: str | None = Field(
        default=None, description="Region. Without any: that of the AWS profile, or us-east-1 with S3_ENDPOINT_URL"
    )
    aws_access_key_id: str | None = Field(
        default=None, description="Key id. Without it the chain of the AWS tools: profile, web identity, instance role"
    )
    aws_secret_access_key: SecretStr | None = Field(default=None, description="Secret of AWS_ACCESS_KEY_ID")
    aws_session_token: SecretStr | None = Field(default=None, description="Session token of temporary keys")
    s3_signature_version: Annotated[str | None, BeforeValidator(_signature)] = Field(
        default=None, pattern=r"^(s3v4|s3)$", description="s3v4 (or v4) or s3 (or v2); none: what the store asks for"
    )
    s3_connect_timeout_seconds: float = Field(
        default=5, gt=0, le=300, description="Time limit for connecting to the store"
    )
    s3_read_timeout_seconds: float = Field(
        default=30, gt=0, le=3600, description="Longest silence of the store within one answer"
    )
