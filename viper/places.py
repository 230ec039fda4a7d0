"""Places for files, a folder or ``s3://BUCKET/PREFIX``: what keeps a text from being one, whatever lies there."""

import os
import re
import stat
from pathlib import Path

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
BUCKETS = "s3://"


def place_fault(place: str) -> str:
    """What keeps a text from being a folder or an ``s3://`` address; empty if nothing does."""
    return bucket_fault(place) if place.startswith(BUCKETS) else folder_fault(place)


def bucket_fault(address: str) -> str:
    """What keeps an ``s3://`` address from being one; empty if nothing does. Nobody is asked."""
    bucket, _, prefix = address.removeprefix(BUCKETS).partition("/")
    if not bucket:
        return "which names no bucket"
    if "@" in address:
        return "which has keys in it. They belong in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    if not _BUCKET.fullmatch(bucket) or ".." in bucket:
        return "whose bucket has no name: it has 3 to 63 lower case letters, digits, dashes and dots"
    if "?" in prefix or "#" in prefix:
        return "which has a ? or #. Leave out what begins there"
    return ""


def folder_fault(folder: str) -> str:
    """What keeps a text from being a folder that is there or can be made; empty if nothing does."""
    if not folder.strip():
        return "which is blank"
    if _SCHEME.match(folder):
        return "which is an address, but no s3:// address"
    path = os.path.abspath(os.path.expanduser(folder))
    if folder.startswith("~") and path == os.path.abspath(folder):
        return "and no such user has a home here"
    try:
        there = nearest(path)
        if not stat.S_ISDIR(os.stat(there).st_mode):
            return "which is no folder" if there == path else f"but {there} on the way to it is no folder"
        longest = os.pathconf(there, "PC_NAME_MAX")
    except OSError as error:
        return f"which cannot be reached: {error.strerror}"
    if any(len(os.fsencode(name)) > longest for name in Path(path).parts):
        return f"in which a name has more than {longest} bytes"
    return ""


def nearest(path: str) -> str:
    """The path itself, or the nearest above it at which there is anything.

    Raises:
        OSError: A path that the system does not take, or into which this user cannot look.
    """
    while True:
        try:
            os.stat(path)
        except (FileNotFoundError, NotADirectoryError):
            path = os.path.dirname(path)
        else:
            return path
