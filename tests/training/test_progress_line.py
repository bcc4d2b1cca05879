"""The line of a job's log that tells its pace: what writes it and what reads it, together."""

import numpy as np
import pytest
from support.project import CODE
from support.small_study import small_study

from weightlaws.planning.specs import training_spec
from weightlaws.study.conditions import Shard
from weightlaws.training.progress_line import Pace, last_pace, progress_line
from weightlaws.training.record import begin
from weightlaws.training.training_spec import TrainingSpec


def progress_after(epoch, loss=1.25):
    study = small_study(members=50, epochs=50)
    (condition,) = study.trained.values()
    progress = begin(TrainingSpec.parse(training_spec(study, condition, CODE, Shard(25, 49))))
    progress.epoch = epoch
    progress.loss[:], progress.accuracy[:] = loss, 0.5
    return progress


@pytest.mark.parametrize("loss", [1.25, np.nan, np.inf, 1e30])
@pytest.mark.parametrize("seconds", [1e-3, 3.0, 1e6])
def test_what_is_written_is_read(loss, seconds):
    pace = last_pace(
        f"2026-01-01 10:00:00,123  {progress_line(progress_after(7, loss), 4, seconds)}\n"
    )
    assert (pace.epoch, pace.epochs) == (7, 50)
    assert pace.rate == pytest.approx(25 * 4 / seconds, rel=5e-3)  # three digits


def test_the_line_says_how_much_is_left():
    line = progress_line(progress_after(10), 5, 20.0)
    assert line == (
        "members 25-49  epoch 10 of 50  mean loss 1.2500  mean accuracy 0.5000  "
        "6.25 network epochs/s  160 s left"
    )


def test_the_last_whole_line_counts_among_others():
    lines = [progress_line(progress_after(epoch), epoch, 10.0 * epoch) for epoch in (1, 2, 3)]
    log = (
        f"rule: train\nspec:\n  epochs: 50\n  members: [25, 49]\n{lines[0]}\na warning\n{lines[1]}"
    )
    assert last_pace(f"{log}\nmember 3 diverged\n{lines[2][:-8]}") == Pace(2, 50, 2.5)


@pytest.mark.parametrize("log", ["", "rule: train\nmembers: [0, 24]\nepoch 3 of 50\n"])
def test_a_log_without_such_a_line_tells_no_pace(log):
    assert last_pace(log) is None
