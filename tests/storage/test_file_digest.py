"""Digests of what files hold."""

import hashlib
import json
import os
import shutil
import time

import pytest

from weightlaws.storage import file_digest as module
from weightlaws.storage.file_digest import file_digest

LARGE = 2 * 2**20


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """The cache of a user who has not used it yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    module._digest.cache_clear()
    return tmp_path / "cache/weightlaws/digests.json"


@pytest.fixture
def reads(monkeypatch):
    """The files that were read."""
    found, read = [], module._read

    def noting(path):
        found.append(path.name)
        return read(path)

    monkeypatch.setattr(module, "_read", noting)
    return found


def written(path, byte, size=LARGE, ago=0.0):
    path.write_bytes(byte * size)
    if ago:
        os.utime(path, (time.time() - ago,) * 2)
    return path


def settle(monkeypatch):
    """Let files that were written just now be old enough to be remembered."""
    monkeypatch.setattr(module, "_SETTLED", -1.0)


def expected(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


@pytest.mark.parametrize("size", [0, 10, LARGE])
def test_a_digest_is_of_the_bytes(tmp_path, size):
    path = written(tmp_path / "a", b"x", size)
    assert file_digest(path) == expected(path)


def later(function):
    """What another process finds."""
    module._digest.cache_clear()
    return function()


def test_a_large_file_is_read_once(tmp_path, reads, monkeypatch):
    settle(monkeypatch)
    large, small = written(tmp_path / "large", b"x"), written(tmp_path / "small", b"x", 10)
    for _ in range(3):
        assert later(lambda: file_digest(large)) == expected(large)
        assert later(lambda: file_digest(small)) == expected(small)
    assert reads.count("large") == 1
    assert reads.count("small") == 3


def test_a_file_that_took_the_place_of_another_is_noticed(tmp_path, monkeypatch):
    settle(monkeypatch)
    path = written(tmp_path / "net", b"x")
    stamp = path.stat()
    assert file_digest(path) == expected(path)
    # As old as the other one to the nanosecond, and as large; in place, and in its place.
    path.write_bytes(b"y" * LARGE)
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert later(lambda: file_digest(path)) == expected(path)
    other = written(tmp_path / "other", b"z", ago=1e6)
    shutil.copy2(other, path)
    assert later(lambda: file_digest(path)) == expected(other)
    written(tmp_path / "third", b"w", ago=2e6).replace(path)
    assert later(lambda: file_digest(path)) == expected(path)


def test_a_file_that_may_still_change_is_not_remembered(tmp_path, cache):
    file_digest(written(tmp_path / "net", b"x"))
    assert not cache.exists()


def test_files_that_are_gone_are_forgotten(tmp_path, cache, monkeypatch):
    settle(monkeypatch)
    one, two = written(tmp_path / "one", b"x"), written(tmp_path / "two", b"y")
    file_digest(one)
    one.unlink()
    file_digest(two)
    assert [*json.loads(cache.read_text())] == [str(two)]


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff", b'{"%s": [1]}'])
def test_a_damaged_cache_is_made_anew(tmp_path, cache, monkeypatch, content):
    settle(monkeypatch)
    path = written(tmp_path / "net", b"x")
    cache.parent.mkdir(parents=True)
    cache.write_bytes(content.replace(b"%s", str(path).encode()))
    assert file_digest(path) == expected(path)
    assert [*json.loads(cache.read_text())] == [str(path)]


def test_a_cache_that_cannot_be_made_is_done_without(tmp_path, monkeypatch):
    settle(monkeypatch)
    (tmp_path / "cache").write_text("a file in the place of the folder")
    path = written(tmp_path / "net", b"x")
    assert file_digest(path) == expected(path)


def test_a_file_that_is_not_there_is_the_systems_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        file_digest(tmp_path / "none")
