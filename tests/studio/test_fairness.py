"""One visitor doesn't block others: films are files, waits are announced, and stopping or leaving frees the place."""

from __future__ import annotations

import time
from collections.abc import Callable

import httpx
import pytest

from tests.studio.visitors import Asked, Visitor, visitors
from tests.studio_serving import STYLED, Studio

FILM = [STYLED, "1, 2, 3, 4, 5, 6, 7, 8", "smooth", True]
LONG, SHORT = ["GIF", 4.0, 512], ["GIF", 0.5, 128]


def within(seconds: float, true: Callable[[], bool]) -> float:
    """Returns after how many seconds a condition becomes true, which must be soon."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < seconds
        time.sleep(0.01)
    return time.monotonic() - began


def working(asked: Asked) -> bool:
    return any("<progress" in line for line in asked.heard)


def waiting(visitor: Visitor, number: str = "number 2") -> Asked:
    asked = visitor.ask("film", *FILM[:1], "1, 2", *FILM[2:], *SHORT)
    within(20, lambda: any(number in line for line in asked.heard))
    return asked


@pytest.mark.parametrize(("kind", "begins"), [("MP4", b"ftyp"), ("GIF", b"GIF89a"), ("WebP", b"WEBP")])
def test_films_are_files_that_the_server_serves(studio: Studio, kind: str, begins: bytes) -> None:
    with visitors(studio) as visitor:
        film, words = visitor()("film", STYLED, "1, 2", "smooth", True, kind, 0.5, 128)
    assert "base64" not in str(film)
    assert "1.0 s" in words
    answer = httpx.get(film["file"]["url"], timeout=30)
    assert answer.status_code == 200
    assert begins in answer.content[:16]
    assert str(studio.uploads) in film["file"]["path"]


@pytest.mark.flaky(reruns=2)  # other work on the machine slows it
def test_waiting_visitors_see_their_number_and_a_stop_frees_the_place_within_a_second(studio: Studio) -> None:
    with visitors(studio) as visitor, visitors(studio, "/zh") as chinese:
        first = visitor().ask("film", *FILM, *LONG)
        within(20, lambda: working(first))
        second = waiting(visitor())
        third = waiting(chinese(), "第 3 位")  # both pages share the place
        assert any("about" in line for line in second.heard)
        first.stop()
        assert within(1.0, lambda: working(second)) < 1.0
        for one in (second, third):
            one.thread.join(60)
            assert one.answer is not None


@pytest.mark.flaky(reruns=2)  # other work on the machine slows it
def test_a_visitor_who_stops_waiting_leaves_the_queue(studio: Studio) -> None:
    with visitors(studio) as visitor:
        first = visitor().ask("film", *FILM, *LONG)
        within(20, lambda: working(first))
        second = waiting(visitor())
        third = waiting(visitor(), "number 3")
        second.stop()
        within(1.0, lambda: any("number 2" in line for line in third.heard))
        first.stop()
        third.thread.join(60)
        assert third.answer is not None


@pytest.mark.flaky(reruns=2)  # other work on the machine slows it
def test_leaving_the_page_frees_the_place(studio: Studio) -> None:
    with visitors(studio) as visitor:
        first = visitor().ask("film", *FILM, *LONG)
        within(20, lambda: working(first))
        second = waiting(visitor())
        first.leave()
        assert within(2.0, lambda: working(second)) < 2.0
        second.thread.join(60)
        assert second.answer is not None
