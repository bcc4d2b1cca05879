"""A run as the terminal tells it: its plan, the lines of jobs, and the time that is left."""

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import fmean
from textwrap import fill
from typing import Any, Self

from snakemake_logger_plugin_weightlaws.reasons import in_words

#: The rule that asks for all files and makes none.
ALL = "all"


@dataclass(frozen=True)
class Job:
    """One job of a run.

    Attributes
    ----------
    number
        As Snakemake counts jobs.
    rule
        Its rule.
    subject
        What it is about: a condition, the members of a shard, and so on.
    reason
        Why it runs, in Snakemake's words.
    output
        Files that it makes.
    """

    number: int
    rule: str
    subject: str
    reason: str
    output: tuple[str, ...]

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """Read the values of a record of Snakemake."""
        # Flags of a file stand behind it, in brackets.
        output = tuple(str(file).partition(" (")[0] for file in values["output"] or ())
        subject = " ".join(map(str, (values["wildcards"] or {}).values()))
        return cls(values["jobid"], values["rule_name"], subject, values["reason"] or "", output)


@dataclass
class Run:
    """What is known of a run so far.

    Attributes
    ----------
    stats
        The number of jobs by rule; Snakemake adds their ``total``.
    total
        All jobs, which grow in number where a job finds more to do.
    cores
        Jobs that can run at a time.
    expected
        Seconds that a job of a rule is expected to take.
    """

    stats: dict[str, int] = field(default_factory=dict)
    total: int = 0
    cores: int = 1
    expected: Mapping[str, float] = field(default_factory=dict)
    _started: dict[int, tuple[Job, float]] = field(default_factory=dict)
    _took: dict[str, list[float]] = field(default_factory=dict)
    _makers: dict[str, str] = field(default_factory=dict)
    _why: dict[str, Counter[str]] = field(default_factory=dict)
    _began: float | None = None

    @property
    def has_jobs(self) -> bool:
        """Whether any job was told of: --quiet can keep them back."""
        return bool(self._why)

    def plan(self) -> str:
        """Say how many jobs there are, of which rules."""
        counts = self._counts()
        listed = ", ".join(f"{n} {rule}" for rule, n in counts.items())
        text = f"{_jobs(sum(counts.values()))}: {listed}"
        return fill(text, width=100, subsequent_indent="  ")

    def outlook(self) -> str:
        """Say how long the run will take, where anything is known of that."""
        seconds = self._left(0.0)
        return f"About {_duration(seconds)} with {self.cores} at a time" if seconds else ""

    def table(self) -> str:
        """Return a table of the rules that run, with the reasons; for dry runs."""
        counts = self._counts()
        wide = max(map(len, [*counts, "rule"]))
        rows = [f"{'jobs':>5}  {'rule':<{wide}}  why"]
        for rule, n in counts.items():
            why = self._why.get(rule, Counter())
            words = "; ".join(
                text if len(why) == 1 else f"{text} ({times})" for text, times in why.items()
            )
            rows.append(f"{n:>5}  {rule:<{wide}}  {words}".rstrip())
        rows.append(f"{sum(counts.values()):>5}  together; nothing has run, as this is a dry run")
        return "\n".join(rows)

    def start(self, job: Job, now: float) -> str:
        """Take note of a job; say why its rule runs, where that is new."""
        self._began = self._began or now
        self._started[job.number] = job, now
        self._makers |= dict.fromkeys(job.output, job.rule)
        why = self._why.setdefault(job.rule, Counter())
        words = in_words(job.reason, self._makers)
        why[words] += 1
        if job.rule == ALL or why[words] > 1:
            return ""
        jobs = _jobs(self.stats.get(job.rule, 1))
        return f"{_clock(now)}  {job.rule} starts, {jobs}: {words}"

    def finish(self, number: int, now: float) -> str:
        """Return the line of a job that is done."""
        if number not in self._started:  # its start was not told, as --quiet asks
            return ""
        job, start = self._started.pop(number)
        if job.rule == ALL:
            return ""
        self._took.setdefault(job.rule, []).append(now - start)
        done = f"{self._done():>{len(str(self._all()))}} of {self._all()}"
        words = f"{_clock(now)}  {done}  {job.rule} {job.subject}".rstrip()
        left = self._left(now)
        rest = f", about {_duration(left)} left" if left and self._done() < self._all() else ""
        return f"{words}: {_duration(now - start)}{rest}"

    def _counts(self) -> dict[str, int]:
        return {rule: n for rule, n in self.stats.items() if rule not in (ALL, "total")}

    def _all(self) -> int:
        return max(self.total, self.stats.get("total", 0)) - self.stats.get(ALL, 0)

    def _done(self) -> int:
        return sum(map(len, self._took.values()))

    def _left(self, now: float) -> float:
        """Estimate the seconds until the end: the work that is left over the jobs at a time."""
        measured = [seconds for took in self._took.values() for seconds in took]
        usual = fmean(measured) if measured else 0.0

        def seconds(rule: str) -> float:
            took = self._took.get(rule)
            return fmean(took) if took else self.expected.get(rule, usual)

        running = Counter(job.rule for job, _ in self._started.values())
        work = sum(
            seconds(rule) * max(n - len(self._took.get(rule, ())) - running[rule], 0)
            for rule, n in self._counts().items()
        )
        spent = {number: now - start for number, (_, start) in self._started.items()}
        for number, (job, _) in self._started.items():
            work += max(seconds(job.rule) - spent[number], 0.0)
        elapsed = now - (self._began or now)
        at_a_time = (sum(measured) + sum(spent.values())) / elapsed if elapsed > 0 else self.cores
        return float(work / max(at_a_time, 1.0))


def _jobs(n: int) -> str:
    return "1 job" if n == 1 else f"{n} jobs"


def _clock(now: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(now))


def _duration(seconds: float) -> str:
    # Imported once the Snakefile has said which library it means: that beside it.
    from weightlaws.monitoring.durations import readable_duration

    return readable_duration(seconds)
