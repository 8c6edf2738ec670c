"""Blocks of rows, worked on by several threads: order, errors, settings."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from core.system import blocks


@pytest.mark.parametrize("processors", (1, 2, 64))
@pytest.mark.parametrize("count", (0, 1, 9, 10, 11, 1005))
def test_every_row_comes_once_and_in_order(count, processors, monkeypatch):
    monkeypatch.setattr(blocks.os, "cpu_count", lambda: processors)
    found = [row for place in blocks.mapped(lambda place: place, count, 10) for row in range(place.start, place.stop)]
    assert found == list(range(count))
    rows = np.zeros(count)

    def work(place: slice) -> None:
        rows[place] += np.arange(place.start, place.stop)

    blocks.fill(work, count, 10)
    np.testing.assert_array_equal(rows, np.arange(count))


@pytest.mark.parametrize("processors", (1, 4))
def test_an_error_comes_out_and_the_rest_is_dropped(processors, monkeypatch):
    monkeypatch.setattr(blocks.os, "cpu_count", lambda: processors)
    begun = []

    def work(place: slice) -> None:
        begun.append(place.start)
        if place.start == 30:
            raise KeyError("damaged")

    with pytest.raises(KeyError, match="damaged"):
        blocks.fill(work, 100_000, 10)
    assert len(begun) < 1000


def test_only_a_few_results_wait_for_who_takes_them(monkeypatch):
    monkeypatch.setattr(blocks.os, "cpu_count", lambda: 4)
    begun = []
    results = blocks.mapped(lambda place: begun.append(place.start), 100_000, 10)
    for _ in range(3):
        next(results)
    results.close()
    assert len(begun) <= 3 + 2 * 4


def test_the_callers_settings_hold_in_the_threads(monkeypatch):
    monkeypatch.setattr(blocks.os, "cpu_count", lambda: 4)
    names = set()

    def work(place: slice) -> np.ndarray:
        names.add(threading.current_thread().name)
        return np.float32(3e38) * np.full(len(range(place.start, place.stop)), 10, np.float32)

    with np.errstate(over="raise"), pytest.raises(FloatingPointError):
        blocks.fill(work, 100, 10)
    with np.errstate(over="ignore"):
        blocks.fill(work, 100, 10)
    assert threading.current_thread().name not in names


@pytest.mark.parametrize("count", (0, 1, 63, 64, 65, 1000))
def test_products_in_pieces_are_those_of_the_whole(count):
    generator = np.random.default_rng(0)
    rows, factor = generator.normal(size=(count, 5)), generator.normal(size=(5, 3))
    # Not contiguous: as columns lie that were made one after another.
    rows = np.asfortranarray(rows)
    out = np.full((count, 3), np.nan)
    blocks.multiply(rows, factor, out)
    np.testing.assert_allclose(out, rows @ factor, rtol=1e-12, atol=1e-12)


def test_each_item_in_its_order():
    assert list(blocks.each(lambda text: text.upper(), ("a", "b", "c"))) == ["A", "B", "C"]
    assert list(blocks.each(str, ())) == []


def test_work_that_asks_for_threads_inside_a_thread_works_alone(monkeypatch):
    """Pools within pools fought for the processors: a bake's views and each view's tiles."""
    monkeypatch.setattr(blocks.os, "cpu_count", lambda: 4)

    def inner(_: int) -> set[str]:
        return set(blocks.each(lambda _: threading.current_thread().name, range(8)))

    for own in blocks.each(inner, range(8)):
        assert len(own) == 1 and threading.current_thread().name not in own
    assert inner(0) - {threading.current_thread().name}, "outside, it gets threads again"
