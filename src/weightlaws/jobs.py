"""What every job of the workflow does beside its numbers: keep a log, and not outlive its run."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil


@contextmanager
def job_log(path: str | Path) -> Iterator[logging.Logger]:
    """Send log messages to a job's log file, and the traceback if the block fails."""
    handler = logging.FileHandler(path, mode="w")
    handler.setFormatter(logging.Formatter("%(asctime)s  %(message)s"))
    logger = logging.getLogger("weightlaws")
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    try:
        yield logger
        logger.info("done")
    except BaseException:
        logger.exception("the job failed")
        raise
    finally:
        logger.removeHandler(handler)
        handler.close()


def run_is_alive() -> Callable[[], bool]:
    """Return a function that tells whether the Snakemake processes above this one still run.

    A killed Snakemake leaves its jobs behind, which would train on for hours and write beside the
    jobs of the next run.
    """
    above = [process for process in psutil.Process().parents() if _runs_snakemake(process)]
    return lambda: all(map(_is_alive, above))


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
