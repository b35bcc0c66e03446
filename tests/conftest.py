"""Fixtures that all tests share."""

from __future__ import annotations

import gc
import os

# before torch is imported, also for the runs and processes that tests start: tiny networks are fastest on one thread,
# and then other work on the machine can't stall them
os.environ.setdefault("OMP_NUM_THREADS", "1")

from collections import Counter
from collections.abc import Generator, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import typer.testing
from typer.main import get_command

from gan_core.data.base import DataSet
from gan_core.data.games import ACTIONS

if TYPE_CHECKING:
    from xdist.scheduler import LoadFileScheduling

    from gan_core.gans import Recipe

# a CliRunner builds all commands of the app for each call; a separate process does so once
vars(typer.testing)["_get_command"] = cache(get_command)

# folders whose tests share a server, or the exporter, which takes seconds to be imported: each in one process
IN_ONE_PROCESS = ("tests/serving/", "tests/studio/", "tests/exporting/")
# these fit the digit classifier, which takes 40 s of processor time: once per process
WITH_THE_JUDGE = (
    "tests/metrics/test_digit_classifier.py", "tests/teaching/test_conditioning.py", "tests/test_benchmarks.py",
)  # fmt: skip


# what a test takes beside two others, roughly, in seconds
USUAL, MARKED = 0.25, 15.0


def shared_by(nodeid: str) -> str:
    """The file of a test, or what its file shares something slow with: one process runs all of them."""
    if nodeid.startswith(WITH_THE_JUDGE):
        return WITH_THE_JUDGE[0]
    return next((folder for folder in IN_ONE_PROCESS if nodeid.startswith(folder)), nodeid.partition("::")[0])


@pytest.hookimpl(optionalhook=True)  # without pytest-xdist there is none
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling | None:
    """Keeps the tests of a file together, and files that share something slow."""
    if config.getvalue("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class ByWhatIsShared(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return shared_by(nodeid)

    config.option.loadscopereorder = False  # the order is that of the items, see below
    return ByWhatIsShared(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Processes begin with what takes longest, so that none is left alone with it at the end."""
    if not hasattr(config, "workerinput"):
        return
    seconds: Counter[str] = Counter()
    for item in items:
        is_marked = any(item.get_closest_marker(name) for name in ("slow", "e2e"))
        seconds[shared_by(item.nodeid)] += MARKED if is_marked else USUAL
    items.sort(key=lambda item: (-seconds[shared_by(item.nodeid)], shared_by(item.nodeid)))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collects tests without looking for garbage: imports make millions of objects, and all stay."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()  # the garbage collector skips these objects
        gc.enable()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """When slow tests are asked for, files without any aren't imported."""
    if config.getoption("markexpr").startswith("slow") and collection_path.name.startswith("test_"):
        return "mark.slow" not in collection_path.read_text(encoding="utf-8") or None
    return None


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--peer", help="a checkout of junyanz/pytorch-CycleGAN-and-pix2pix, to be compared with")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder of its own for every test, and a shelf without GANscope's own models."""
    folder = tmp_path / "home"
    monkeypatch.setenv("GANSCOPE_HOME", str(folder))
    monkeypatch.setattr("gan_core.models.listing.BUNDLED", tmp_path / "bundled")
    return folder


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Tiny networks are fastest on one thread, and then other work on the machine can't stall them."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(autouse=True)
def seeded() -> None:
    """Random numbers without an explicit seed are the same in every run."""
    import torch

    torch.default_generator.manual_seed(0)  # manual_seed records the whole stack for each device


def assert_same_pictures(one: object, other: object) -> None:
    """Pictures of the same latents, in [-1, 1] or as bytes: those drawn alone and in a batch may differ by one level.

    Matrix products of other shapes are summed in another order, so values between two levels can be rounded either way.
    """
    import torch

    from gan_core.pictures.grids import to_uint8

    levels = [to_uint8(images) if isinstance(images, torch.Tensor) else np.asarray(images) for images in (one, other)]
    assert levels[0].shape == levels[1].shape
    assert levels[0].dtype == levels[1].dtype == np.uint8
    assert np.abs(levels[0].astype(int) - levels[1]).max(initial=0) <= 1


def images(count: int = 24, size: int = 8, channels: int = 1, seed: int = 0) -> np.ndarray:
    """Random uint8 images (count, channels, size, size)."""
    return np.random.default_rng(seed).integers(0, 256, (count, channels, size, size), dtype=np.uint8)


def example(recipe: Recipe) -> DataSet:
    """24 random items that the recipe can learn: labelled grey images of its smallest size from 8 pixels, points, pairs
    or two domains. Models that it borrows are put on the shelf.
    """
    random = np.random.default_rng(0)
    size = recipe.fit_size(8)
    if recipe.pretrained_part:
        from tests.made_models import make_lender

        make_lender(recipe)
    if recipe.learns_from == "paired":
        return DataSet("random", {"source": images(size=size), "target": images(size=size, seed=1)})
    if recipe.task == "adaptation":
        domains = {"a": images(size=size), "b": images(24, size, seed=1), "label": np.arange(24) % 3}
        return DataSet("random", domains, ("a", "b", "c"), unpaired=True)
    if recipe.learns_from == "unpaired":
        return DataSet("random", {"a": images(size=size), "b": images(20, size, seed=1)}, unpaired=True)
    if recipe.learns_from == "views":
        poses = np.stack([np.linspace(-180, 179, 24), np.linspace(-10, 50, 24)], 1).astype(np.float32)
        return DataSet("random", {"real": images(size=size), "pose": poses})
    if recipe.learns_from == "captions":
        from gan_core.data.avatars.sentences import VOCABULARY

        words = random.integers(2, len(VOCABULARY), (24, 2, 5))
        return DataSet("random", {"real": images(size=size), "caption": words}, vocabulary=VOCABULARY)
    if recipe.task == "points":
        return DataSet("random", {"real": random.standard_normal((24, 2)).astype(np.float32)})
    if recipe.task == "graph":
        return DataSet("random", {"molecule": _molecules()})
    if recipe.task == "video":
        frames = images(24, size, 12).reshape(24, 3, 4, size, size)
        return DataSet("random", {"frames": frames, "action": random.integers(3, size=(24, 4))}, vocabulary=ACTIONS)
    if recipe.task == "control":
        seen = random.standard_normal((24, 5, 4)).astype(np.float32)
        return DataSet("random", {"observation": seen, "action": random.integers(2, size=(24, 5))})
    if recipe.task == "sequence":
        return DataSet("random", {"tokens": random.integers(0, 5, (24, 8))}, vocabulary=("", *"abcd"))
    if recipe.task == "music":
        return DataSet("random", {"voices": random.integers(40, 80, (24, 4, 32))})
    if recipe.task == "audio":
        heard = {"wave": random.uniform(-1, 1, (24, 2048)).astype(np.float32), "label": np.arange(24) % 3}
        by = np.arange(24)[:, None] % 2
        return DataSet(
            "random", heard | {"attributes": by}, ("a", "b", "c"), attributes={"speaker": ("x", "y")}, rate=8000
        )
    return DataSet("random", {"real": images(size=size), "label": np.arange(24) % 3}, ("a", "b", "c"))


def _molecules() -> np.ndarray:
    """24 chains of 2 to 9 atoms as matrices, (24, 9, 9)."""
    from gan_core.data.chemistry import matrices_of

    chains = ["C" * length + end for end in ("N", "O", "=O") for length in range(1, 9)]
    return matrices_of(chains, 9)


@pytest.fixture
def labelled() -> DataSet:
    """24 random grey 8-pixel images in 3 classes."""
    return DataSet("random", {"real": images(), "label": np.arange(24) % 3}, ("a", "b", "c"))
