"""The queue of a worker: batches, limits, and clients that have left."""

from __future__ import annotations

import asyncio
import threading

import pytest

from serving.errors import Busy, Late
from serving.line import Line


class Slow:
    """A worker that waits for a signal and records its batches."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.begun, self.on = threading.Event(), threading.Event()

    def __call__(self, wishes: list[int]) -> list[int]:
        self.batches.append(list(wishes))
        self.begun.set()
        assert self.on.wait(10)
        return [10 * wish for wish in wishes]

    async def started(self) -> None:
        assert await asyncio.to_thread(self.begun.wait, 10)


def test_waiting_requests_are_made_as_one_batch_and_each_gets_its_own_result() -> None:
    work = Slow()
    sizes: list[tuple[str, int]] = []
    line: Line[int, int] = Line("x", work, most=5, seen=lambda name, size: sizes.append((name, size)))

    async def visit() -> list[int]:
        first = asyncio.create_task(line.ask(1))
        await work.started()
        others = [asyncio.create_task(line.ask(wish, size=2)) for wish in (2, 3, 4)]
        await asyncio.sleep(0)
        work.on.set()
        return await asyncio.gather(first, *others)

    assert asyncio.run(visit()) == [10, 20, 30, 40]
    assert work.batches == [[1], [2, 3], [4]]  # of five pictures at most
    assert sizes == [("x", 1), ("x", 4), ("x", 2)]
    line.close()


def test_a_full_queue_refuses_and_continues() -> None:
    work = Slow()
    line: Line[int, int] = Line("x", work, places=2)

    async def visit() -> list[int]:
        first = asyncio.create_task(line.ask(1))
        await work.started()
        others = [asyncio.create_task(line.ask(wish)) for wish in (2, 3)]
        await asyncio.sleep(0)
        with pytest.raises(Busy):
            await line.ask(4)
        assert len(line) == 2
        work.on.set()
        return await asyncio.gather(first, *others)

    assert asyncio.run(visit()) == [10, 20, 30]
    line.close()


def test_clients_that_left_or_waited_too_long_are_left_out() -> None:
    work = Slow()
    line: Line[int, int] = Line("x", work)

    async def visit() -> int:
        first = asyncio.create_task(line.ask(1))
        await work.started()
        gone = asyncio.create_task(line.ask(2))
        await asyncio.sleep(0)
        gone.cancel()
        with pytest.raises(Late, match=r"0\.05 seconds"):
            await line.ask(3, longest=0.05)
        last = asyncio.create_task(line.ask(4))
        await asyncio.sleep(0)
        work.on.set()
        return await first + await last

    assert asyncio.run(visit()) == 50
    assert work.batches == [[1], [4]]
    line.close()


def test_one_bad_request_does_not_affect_the_others() -> None:
    def make(wishes: list[int]) -> list[float]:
        return [1 / wish for wish in wishes]

    line: Line[int, float] = Line("x", make, patience=0.2)

    async def visit() -> list[float | BaseException]:
        return await asyncio.gather(*(line.ask(wish) for wish in (1, 0, 2)), return_exceptions=True)

    first, bad, last = asyncio.run(visit())
    assert (first, last) == (1.0, 0.5)
    assert isinstance(bad, ZeroDivisionError)
    line.close()


def test_a_closing_queue_finishes_waiting_requests_and_accepts_no_more() -> None:
    work = Slow()
    line: Line[int, int] = Line("x", work)

    async def visit() -> list[int]:
        first = asyncio.create_task(line.ask(1))
        await work.started()
        second = asyncio.create_task(line.ask(2))
        await asyncio.sleep(0)
        closing = asyncio.create_task(asyncio.to_thread(line.close))
        while not line._closed:
            await asyncio.sleep(0.01)
        with pytest.raises(Busy):
            await line.ask(3)
        work.on.set()
        await closing
        return await asyncio.gather(first, second)

    assert asyncio.run(visit()) == [10, 20]
