"""Digests of what files hold, by which a file is noticed that took the place of another.

Time stamps do not tell: ``cp -p``, ``mv`` and ``rsync -a`` leave a file as old as it was elsewhere.
"""

import hashlib
import json
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path

import platformdirs

from weightlaws.storage.disk_file import replacing

# Digests of larger files are remembered; smaller ones take no longer to read than to look up.
_SMALL = 2**20
# A file that changed so short a time ago can change again within one tick of its time stamp.
_SETTLED = 2.0

#: What the system says of a file: size, inode, and times in nanoseconds.
_Stamp = tuple[int, int, int, int]
#: Stamp and digest of a file, by its path.
_Known = dict[str, list[int | str]]


def file_digest(path: Path) -> str:
    """Digest a file: the first 16 hexadecimal characters of the SHA-256 of its bytes.

    The digest of a large file is remembered in the user's cache, with the file's size, inode and
    times of the last change, of content and of anything else. A program can set the time of
    content, and not the other. So the file is read again once one of them has changed. Without a
    cache that can be written to it is read each time.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    return _digest(path, _stamp(path))


@cache
def _digest(path: Path, stamp: _Stamp) -> str:
    if stamp[0] < _SMALL:
        return _read(path)
    key = str(path.resolve())
    *known, digest = _remembered().get(key, [""])
    if tuple(known) == stamp:
        return str(digest)
    digest = _read(path)
    settled = path.stat().st_ctime < time.time() - _SETTLED
    if settled and _stamp(path) == stamp:
        _remember({key: [*stamp, digest]})
    return digest


def _read(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def _stamp(path: Path) -> _Stamp:
    found = path.stat()
    return found.st_size, found.st_ino, found.st_mtime_ns, found.st_ctime_ns


def _cache() -> Path:
    return platformdirs.user_cache_path("weightlaws") / "digests.json"


def _remembered() -> _Known:
    try:
        found: _Known = json.loads(_cache().read_text())
    except (OSError, ValueError):  # none yet, or damaged
        return {}
    return found if isinstance(found, dict) else {}


def _remember(new: Mapping[str, list[int | str]]) -> None:
    """Add digests to the cache; of two processes at once one is remembered."""
    there = {path: known for path, known in _remembered().items() if Path(path).exists()}
    with suppress(OSError):
        _cache().parent.mkdir(parents=True, exist_ok=True)
        with replacing(_cache()) as partial:
            partial.write_text(json.dumps({**there, **new}))
