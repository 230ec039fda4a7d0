"""Errors of the storage libraries, told apart."""

import errno
import pickle

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError
from s3fs.errors import translate_boto_error

from storage.store_errors import translate
from viper.errors import StoreError, StoreUnavailable


def s3_answer(code: str) -> Exception:
    error = translate_boto_error(ClientError({"Error": {"Code": code, "Message": f"server says {code}"}}, "PutObject"))
    assert isinstance(error, Exception)
    return error


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (s3_answer("NoSuchBucket"), StoreError, "bucket does not exist"),
        (s3_answer("SignatureDoesNotMatch"), StoreError, "AWS_SECRET_ACCESS_KEY"),
        (s3_answer("AccessDenied"), StoreError, "policy"),
        (s3_answer("RequestTimeTooSkewed"), StoreError, "clock"),
        (NoCredentialsError(), StoreError, "AWS_ACCESS_KEY_ID"),
        (s3_answer("SlowDown"), StoreUnavailable, "try again"),
        (s3_answer("503"), StoreUnavailable, "try again"),
        (s3_answer("InternalError"), StoreUnavailable, "such as a full disk"),
        (s3_answer("QuotaExceeded"), StoreError, "Free space"),
        (s3_answer("XMinioStorageFull"), StoreError, "Free space"),
        (EndpointConnectionError(endpoint_url="http://x"), StoreUnavailable, "http://x"),
        (TimeoutError(), StoreUnavailable, "TimeoutError"),
        (OSError(errno.ENOSPC, "No space left on device"), StoreError, "Free space"),
        (PermissionError(errno.EACCES, "Permission denied"), StoreError, "owner and mode"),
        (OSError(errno.EIO, "Input/output error"), StoreError, "Input/output error"),
    ],
    ids=lambda value: getattr(value, "__name__", None) or str(value)[:24],
)
def test_a_storage_error_says_what_was_tried_and_what_to_do(
    error: Exception, kind: type[StoreError], words: str
) -> None:
    translated = translate(error, "Cannot write 'refs/a.json' in s3://evo/x")
    assert type(translated) is kind
    assert str(translated).startswith("Cannot write 'refs/a.json' in s3://evo/x: ")
    assert words in str(translated)
    assert str(pickle.loads(pickle.dumps(translated))) == str(translated)


def test_a_bug_of_ours_is_not_called_a_storage_error() -> None:
    assert translate(TypeError("bad argument"), "Cannot write") is None
