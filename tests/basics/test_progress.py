"""Progress: a job's parts make one whole, whoever does them."""

from __future__ import annotations

import pytest

from core.errors import Cancelled
from core.progress import Progress, Reporter


def told_by() -> tuple[Reporter, list[Progress]]:
    """A reporter, and what it will have told."""
    told: list[Progress] = []
    return Reporter(told.append), told


def test_parts_of_parts_share_one_whole():
    reporter, told = told_by()
    first, second = reporter.parts(1, 3)
    first.stage("A", steps=2)
    first.step()
    inner, last = second.parts(10, 5)
    inner.stage("B")
    last.stage("C", steps=5)
    last.step(4)
    reporter.finish()
    assert [round(each.fraction, 3) for each in told] == [0, 0.125, 0.25, 0.75, 0.95, 1]
    assert [each.stage for each in told] == ["A", "A", "B", "C", "C", "C"]


def test_a_part_that_is_not_needed_is_passed_over():
    reporter, told = told_by()
    first, _, third, nothing = reporter.parts(1, 2, 1, 0)
    first.stage("A")
    third.stage("C")
    nothing.stage("D")
    third.finish()
    assert [each.fraction for each in told] == [0, 0.75, 1, 1]


def test_steps_beyond_a_stage_are_no_progress():
    reporter, told = told_by()
    first, second = reporter.parts(1, 1)
    first.stage("A", steps=2)
    first.step(5)
    assert told[-1].fraction == 0.5 and told[-1].step == 2
    second.stage("B", steps=0)
    assert told[-1].fraction == 0.5 and told[-1].steps == 1


def test_work_that_is_done_again_does_not_take_progress_back():
    reporter, told = told_by()
    for _ in range(2):
        first, second = reporter.parts(1, 1)
        first.stage("A")
        second.stage("B")
        second.step()
    fractions = [each.fraction for each in told]
    assert fractions == sorted(fractions) and fractions[-1] == 1


def test_the_time_left_is_known_once_something_is_done():
    reporter, told = told_by()
    reporter.stage("A", steps=100)
    reporter.step(50)
    reporter.finish()
    assert told[0].eta is None and told[1].eta > 0 and told[2].eta == 0


def test_the_seconds_of_all_parts_are_counted_in_one_place():
    reporter, _ = told_by()
    for part in reporter.parts(1, 1):
        part.stage("A")
    reporter.finish()
    assert list(reporter.stage_seconds) == ["A"] and reporter.parts(1)[0].stage_seconds == reporter.stage_seconds


def test_cancelling_a_job_cancels_its_parts():
    reporter, told = told_by()
    (part,) = reporter.parts(1)
    part.stage("A")
    reporter.cancel_event.set()
    for call in (part.step, part.check, part.finish, lambda: part.stage("B")):
        with pytest.raises(Cancelled):
            call()
    assert len(told) == 1
