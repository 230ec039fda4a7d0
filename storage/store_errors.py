"""What the filesystem, botocore and aiohttp raise, told apart: wrong for good, full, or away for a moment."""

import errno

from viper.errors import StoreError, StoreUnavailable

_FULL = {errno.ENOSPC, errno.EDQUOT}
_FULL_BUCKET = {"QuotaExceeded", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded", "InsufficientStorage", "507"}
_BROKEN_SERVER = {"500", "InternalError"}
_BUSY_SERVER = {"502", "503", "504", "SlowDown", "ServiceUnavailable"}
_MOMENTARY = {
    errno.EBUSY,
    errno.EREMOTEIO,
    errno.ESTALE,
    errno.ETIMEDOUT,
    errno.EAGAIN,
    errno.ECONNRESET,
    errno.ECONNREFUSED,
    errno.EHOSTUNREACH,
    errno.ENETUNREACH,
}
_BAD_CREDENTIALS = {"NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "TokenRetrievalError"}


def response_code(error: BaseException) -> str:
    """Error code in an S3 server's answer, such as ``NoSuchBucket``; empty if ``error`` did not come from a server."""
    response = getattr(error.__cause__, "response", None) or getattr(error, "response", None)
    return str(response.get("Error", {}).get("Code", "")) if isinstance(response, dict) else ""


def translate(error: Exception, what: str) -> StoreError | None:
    """The ``StoreError`` to raise for ``error``, or None if it is no storage error but a bug of ours.

    Args:
        error: Whatever was raised while the store was asked for something.
        what: What was tried and where, such as ``Cannot read 'refs/a.json' in the folder /data``.
    """
    said = str(error).rstrip(".") or type(error).__name__
    if response_code(error) == "NoSuchBucket":
        return StoreError(f"{what}: the bucket does not exist. Create it, or correct the store's address.")
    if response_code(error) in _FULL_BUCKET:
        return StoreError(f"{what}: the bucket is full or over quota. Free space and resume; nothing finished is lost.")
    if response_code(error) == "RequestTimeTooSkewed":
        return StoreError(f"{what}: {said}. Set this machine's clock, or the server's: they are too far apart.")
    if isinstance(error, PermissionError) or type(error).__name__ in _BAD_CREDENTIALS:
        return StoreError(
            f"{what}: {said}. The credentials were refused or are missing: check AWS_ACCESS_KEY_ID, "
            "AWS_SECRET_ACCESS_KEY and the bucket's policy, or the folder's owner and mode."
        )
    if isinstance(error, OSError) and error.errno in _FULL:
        return StoreError(f"{what}: the disk is full or over quota. Free space and resume; nothing finished is lost.")
    if response_code(error) in _BROKEN_SERVER:
        return StoreUnavailable(
            f"{what}: {said}. The store's server has a fault, such as a full disk: see its log, free space there and "
            "try again; nothing finished is lost."
        )
    if _is_momentary(error):
        return StoreUnavailable(f"{what}: {said}. The store does not answer; try again later.")
    if isinstance(error, OSError) or _is_of(error, "botocore", "aiohttp"):
        return StoreError(f"{what}: {said}. Check the store's address and its server's log.")
    return None


def _is_momentary(error: Exception) -> bool:
    if isinstance(error, OSError) and error.errno in _MOMENTARY:
        return True
    if isinstance(error, (TimeoutError, ConnectionError)):
        return True
    if response_code(error) in _BUSY_SERVER:
        return True
    network = {"ConnectionError", "HTTPClientError", "ClientConnectionError", "ClientPayloadError", "IncompleteRead"}
    return _is_of(error, "botocore", "aiohttp", "urllib3", "http") and bool(
        network & {parent.__name__ for parent in type(error).__mro__}
    )


def _is_of(error: Exception, *libraries: str) -> bool:
    return any(parent.__module__.split(".")[0] in libraries for parent in type(error).__mro__)
