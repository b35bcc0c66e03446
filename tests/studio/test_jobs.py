"""Long jobs: in turn, with messages to waiting visitors, after sliders, and ended when nobody wants them any more."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from gan_core.errors import BadData, BadValue
from gan_core.latent.explorer import Explorer
from gan_core.latent.inversion import Settings, invert
from gan_core.models import loading
from tests.studio_serving import ROOT, STYLED
from ui.languages import _, using
from ui.studio.models.cache import ModelCache
from ui.studio.models.opened import opened
from ui.studio.requests import jobs
from ui.studio.requests.calls import callback
from ui.studio.requests.jobs import News, Tell, Workshop
from ui.studio.requests.latest import Latest
from ui.studio.requests.right_of_way import PATIENCE, RightOfWay, right_of_way

WAIT = 20.0  # seconds, for immediate events


def until(true: Any, seconds: float = WAIT) -> float:
    """Waits until a condition is true; returns after how many seconds."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < seconds
        time.sleep(0.005)
    return time.monotonic() - began


def endless(tell: Tell) -> None:
    while True:
        tell(0.01, None)
        time.sleep(0.01)


# --- the workshop ----------------------------------------------------------------------------------------------------


def test_a_job_reports_its_progress_its_previews_and_its_result() -> None:
    def work(tell: Tell) -> str:
        for step in range(4):
            tell(step / 4, step)
        return _("Stopped.")

    with using("zh"):
        news = list(Workshop().run(work))
    assert [one.seen for one in news if one.seen is not None] == [0, 1, 2, 3]
    assert (news[-1].made, news[-1].share, news[-1].done) == ("已停止。", 1.0, True)  # in the page's language


def test_a_job_that_fails_reports_it_and_leaves_its_place() -> None:
    def broken(tell: Tell) -> None:
        raise BadData("nothing there")

    shop = Workshop()
    with pytest.raises(BadData, match="nothing there"):
        list(shop.run(broken))
    assert len(shop) == 0


@pytest.mark.flaky(reruns=2)  # other work on the machine slows it
def test_a_waiting_job_reports_its_number_and_its_approximate_start() -> None:
    shop = Workshop(places=3)
    first, second, third = (shop.run(endless, "film", 30.0) for _ in range(3))
    assert next(first).place == 1
    assert next(second).words == "You are number 2 in the queue. It starts in about 30 s."
    news = next(third)
    assert (news.place, news.left) == (3, pytest.approx(60, abs=5))
    with pytest.raises(BadValue, match="Try again in a minute"):
        next(shop.run(endless))
    second.close()
    assert next(third).place == 2
    first.close()
    assert until(lambda: next(third).place == 1) < 1.0
    third.close()
    until(lambda: len(shop) == 0)


def test_a_job_that_is_stopped_ends_within_a_second_and_the_next_begins() -> None:
    """A real search: its steps are PyTorch's, and its code doesn't check whether it should end."""
    shop, ended = Workshop(), threading.Event()

    def search(tell: Tell) -> None:
        explorer = Explorer(loading.load(str(ROOT / "pretrained" / "stylegan2.avatars")))
        target = explorer.draw(explorer.sample(1, 3))
        try:
            list(invert(explorer, target, Settings(steps=5_000, start="nearest")))
        finally:
            ended.set()

    job = shop.run(search)
    next(job)
    next(job)
    waiting = shop.run(lambda tell: "begun")
    assert next(waiting).place == 2
    time.sleep(1.0)
    job.close()
    assert ended.wait(1.0)
    assert list(waiting)[-1].made == "begun"


def test_a_job_that_takes_too_long_is_ended() -> None:
    shop = Workshop()
    with pytest.raises(BadValue, match="took longer than 0 seconds, so it was stopped"):
        list(shop.run(endless, longest=0.3))
    until(lambda: len(shop) == 0, 1.0)


def test_estimates_learn_from_the_jobs_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "TELLING", 0.05)
    shop = Workshop()
    assert shop.estimate("film", 10.0) == 10.0
    for _time in range(6):
        list(shop.run(lambda tell: time.sleep(0.2), "film", 0.05))
    assert 40 <= shop.estimate("film", 10.0) <= 80
    list(shop.run(lambda tell: None, "film", 0.01))  # too short to be meaningful
    assert 40 <= shop.estimate("film", 10.0) <= 80
    assert shop.estimate("other", 10.0) == 10.0
    with pytest.raises(BadValue, match="are allowed here"):
        shop.check("film", 1_000.0)


def test_the_remaining_time_is_rounded() -> None:
    assert News(1, 0.25, 33.0).words == "25 % · about 35 s left"
    assert News(1, 0.9).words == "90 %"
    assert 'value="0.250"' in News(1, 0.25).bar


# --- right of way ----------------------------------------------------------------------------------------------------


def test_a_job_pauses_while_somebody_waits_for_a_picture() -> None:
    way, steps, ended = RightOfWay(), [0], threading.Event()

    def work() -> None:
        with way.behind(lambda: None):
            while not ended.is_set():
                torch.ones(1) + 1
                steps[0] += 1
                time.sleep(0.002)

    thread = threading.Thread(target=work)
    thread.start()
    until(lambda: steps[0] > 20)
    with way.first():
        time.sleep(0.02)
        before = steps[0]
        time.sleep(0.5)
        held = steps[0] - before
    before = steps[0]
    time.sleep(0.5)
    free = steps[0] - before
    ended.set()
    thread.join()
    assert 0 < held <= 0.35 * free  # a tenth of the time is the job's own, lest it never ends
    assert PATIENCE == 9.0


def test_other_threads_and_later_work_are_not_held_up() -> None:
    way, seen = RightOfWay(), []
    with way.behind(lambda: seen.append(threading.get_ident())):
        torch.ones(1) + 1
        thread = threading.Thread(target=lambda: torch.ones(1) + 1)
        thread.start()
        thread.join()
    count = len(seen)
    torch.ones(1) + 1
    assert set(seen) == {threading.get_ident()}
    assert len(seen) == count


def test_every_callback_of_a_page_goes_before_jobs() -> None:
    @callback
    def hurried() -> int:
        return right_of_way._hurried

    assert (hurried(), right_of_way._hurried) == (1, 0)


@pytest.mark.usefixtures("shelf")
def test_a_job_never_locks_what_a_slider_needs() -> None:
    """A film of a model is being drawn and pauses within a picture: its sliders still work."""
    explorer, held, ended = opened(STYLED).explorer, threading.Event(), threading.Event()
    aside = explorer.apart()

    def stand() -> None:
        held.set()
        ended.wait(WAIT)

    def film() -> None:
        with RightOfWay().behind(stand):
            aside.draw(aside.sample(4))

    thread = threading.Thread(target=film)
    thread.start()
    assert held.wait(WAIT)
    picture = []
    slider = threading.Thread(target=lambda: picture.append(Latest()("me", lambda: explorer.draw(explorer.sample(1)))))
    slider.start()
    slider.join(5.0)
    assert len(picture) == 1
    ended.set()
    thread.join(WAIT)
    weights, copies = ([*one.generator.parameters()] for one in (explorer, aside))
    assert all(one is other for one, other in zip(weights, copies, strict=True))


# --- models in memory ------------------------------------------------------------------------------------------------


def test_a_model_that_loads_slowly_does_not_block_the_others() -> None:
    kept, loading, free = ModelCache[str](3, 100, len), threading.Event(), threading.Event()
    made: list[str] = []

    def slow() -> str:
        loading.set()
        free.wait(WAIT)
        made.append("slow")
        return "slow"

    threads = [threading.Thread(target=lambda: kept.get("slow", slow)) for _ in range(3)]
    for thread in threads:
        thread.start()
    assert loading.wait(WAIT)
    assert kept.get("other", lambda: "other") == "other"
    free.set()
    for thread in threads:
        thread.join()
    assert made == ["slow"]  # once for all who asked
    assert not kept._making


def test_models_in_memory_are_bounded_in_number_and_in_bytes() -> None:
    kept = ModelCache[str](3, 10, len)
    for name in "abcd":
        kept.get(name, lambda name=name: name)
    assert [name for name, _ in kept.items()] == ["b", "c", "d"]
    kept.get("b", lambda: "never")
    kept.get("large", lambda: "x" * 9)
    assert [name for name, _ in kept.items()] == ["b", "large"]
    assert kept.get("larger", lambda: "y" * 20) == "y" * 20  # at least one
    assert [name for name, _ in kept.items()] == ["larger"]
    assert kept.get("larger", lambda: "new", lambda one: len(one) < 5) == "new"


def test_a_call_opens_its_model_once_even_if_others_push_it_out() -> None:
    kept, made = ModelCache[str](1, 10, len), list[str]()

    def make(name: str) -> str:
        made.append(name)
        return name

    with kept.held():
        for name in "abab":
            assert kept.get(name, lambda name=name: make(name)) == name
        assert made == ["a", "b"]
        assert [name for name, _ in kept.items()] == ["b"]  # the cache itself keeps its bound
    kept.get("a", lambda: make("a"))
    assert made == ["a", "b", "a"]


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Checks that no priority is held after a test."""
    yield
    assert right_of_way._hurried == 0
