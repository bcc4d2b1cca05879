"""What a run says in the terminal: one line a job, why rules run again, and the time that is left.

Snakemake finds the package by its name, and `profiles/default` chooses it. Records that are neither
of a job nor of a plan are written as Snakemake writes them, errors with the logs of jobs among
them. With ``--verbose`` all are, and the file under ``.snakemake/log`` has them in any case.
"""

import sys
from logging import INFO, LogRecord

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

from snakemake_logger_plugin_weightlaws.run import Job, Run

__all__ = ["LogHandler"]

# What Snakemake says of itself in every run, and what the lines of jobs say better.
_LEFT_OUT = (
    "Assuming unrestricted shared filesystem usage",
    "Building DAG of jobs",
    "Conda environments: ignored",
    "Config file ",
    "Execute ",
    "Group jobs: inactive",
    "Reasons:\n",
    "Rules with provenance triggered jobs",
    "Select jobs to execute",
    "Singularity containers: ignored",
    "Some jobs were triggered by provenance",
    "This was a dry-run",
    "Using shell: ",
    "Using workflow specific profile ",
)
_EVENTS_LEFT_OUT = (
    *(LogEvent.GROUP_INFO, LogEvent.JOB_STARTED, LogEvent.RESOURCES_INFO),
    *(LogEvent.RULEGRAPH, LogEvent.WORKFLOW_STARTED),
)


class LogHandler(LogHandlerBase):
    """Writes to where Snakemake would: standard output in dry runs, else standard error."""

    def __post_init__(self) -> None:
        self._stream = sys.stdout if self.common_settings.stdout else sys.stderr
        self._run = Run()

    def emit(self, record: LogRecord) -> None:
        """Write what a record says, if it says anything."""
        try:
            if text := self._text(record):
                self._stream.write(f"{text}\n")
                self._stream.flush()
        except Exception:  # as handlers do: a line less is no reason to stop a run
            self.handleError(record)

    def _text(self, record: LogRecord) -> str:
        if self.common_settings.verbose:
            return self.format(record)
        run, event, values = self._run, getattr(record, "event", None), record.__dict__
        if "expected_seconds" in values:
            run.expected = values["expected_seconds"]
            return run.outlook()
        if event == LogEvent.RUN_INFO:
            return self._planned(values["stats"])
        if event == LogEvent.JOB_INFO:
            started = run.start(Job.of(values), record.created)
            return "" if self.common_settings.dryrun else started
        if event == LogEvent.JOB_FINISHED:
            return run.finish(values["job_id"], record.created)
        if event == LogEvent.PROGRESS:
            run.total = values["total"]
            return "" if run.has_jobs else self.format(record)
        if event == LogEvent.RESOURCES_INFO:
            run.cores = values.get("cores", values.get("nodes", run.cores))
        if event in _EVENTS_LEFT_OUT:
            return ""
        if event is None and record.levelno <= INFO and record.getMessage().startswith(_LEFT_OUT):
            return ""
        return self.format(record)

    def _planned(self, stats: dict[str, int]) -> str:
        """Return the plan; a dry run tells its numbers twice, and the jobs in between."""
        first, self._run.stats = not self._run.stats, stats
        if not self.common_settings.dryrun:
            return self._run.plan()
        return "" if first else self._run.table()

    @property
    def writes_to_stream(self) -> bool:
        """It takes the place of Snakemake's own output."""
        return True

    @property
    def writes_to_file(self) -> bool:
        """Snakemake's own log stays."""
        return False

    @property
    def has_filter(self) -> bool:
        """Snakemake's own filter obeys --quiet."""
        return False

    @property
    def has_formatter(self) -> bool:
        """Snakemake's own formatter writes errors, with the logs of failed jobs."""
        return False

    @property
    def needs_rulegraph(self) -> bool:
        """Nothing is drawn."""
        return False
