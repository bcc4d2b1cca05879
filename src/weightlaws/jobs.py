"""Duties of every job of the workflow: it keeps a log, and stops when it is told to."""

import logging
import os
import platform
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Protocol

import psutil
import yaml

from weightlaws.storage.disk_file import WAYS_OUT, unwritable


class Job(Protocol):
    """A job as Snakemake describes it to a script."""

    rule: str
    wildcards: Any
    params: Any
    resources: Any
    threads: int
    output: Sequence[str]
    log: Sequence[str]


class _LogFile(logging.FileHandler):
    """A log on a disk that may be full; the job's own files report a full disk."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        if not isinstance(sys.exception(), OSError):
            super().handleError(record)


@contextmanager
def job_log(job: Job) -> Iterator[logging.Logger]:
    """Send log messages to a job's log file, and the traceback if the block fails.

    Where the disk does not take a table or a figure, the error names the job's files; the system's
    own error does not.

    The log begins with the job: rule, wildcards, parameters with the resolved spec, threads,
    resources, host and, on SLURM, the number of the job.
    """
    handler = _LogFile(job.log[0], mode="w")
    handler.setFormatter(logging.Formatter("%(asctime)s  %(message)s"))
    logger = logging.getLogger("weightlaws")
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    try:
        logger.info("begun\n%s", _header(job))
        with _naming_files(job):
            yield logger
        logger.info("done")
    except BaseException:
        logger.exception("the job failed")
        raise
    finally:
        logger.removeHandler(handler)
        with suppress(OSError):
            handler.close()


@contextmanager
def _naming_files(job: Job) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in WAYS_OUT:
            raise
        raise unwritable(", ".join(job.output), error) from error


def _header(job: Job) -> str:
    record = {
        "rule": job.rule,
        "wildcards": dict(job.wildcards.items()),
        "params": dict(job.params.items()),
        "threads": job.threads,
        # Names with an underscore are Snakemake's own.
        "resources": {k: value for k, value in job.resources.items() if not k.startswith("_")},
        "host": platform.node(),
        "process": os.getpid(),
    }
    if "SLURM_JOB_ID" in os.environ:
        record["slurm_job"] = os.environ["SLURM_JOB_ID"]
    return yaml.safe_dump(record, sort_keys=False, default_flow_style=None, width=100)


def should_continue() -> Callable[[], bool]:
    """Return a function that says no once the job should stop.

    A job stops when a Snakemake process above it has died. It would train on for hours otherwise,
    and write beside the jobs of the next run. A job also stops at SIGTERM, which SLURM sends before
    it kills a job that was cancelled or has reached its time limit.
    """
    above = [process for process in psutil.Process().parents() if _runs_snakemake(process)]
    terminated = []
    signal.signal(signal.SIGTERM, lambda number, _: terminated.append(number))
    return lambda: not terminated and all(map(_is_alive, above))


def _runs_snakemake(process: psutil.Process) -> bool:
    try:
        return any("snakemake" in word for word in process.cmdline())
    except psutil.Error:  # another user's process, or one that has just ended
        return False


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
