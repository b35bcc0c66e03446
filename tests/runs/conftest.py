from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gan_core.runs.spec import RunSpec
from gan_core.runs.store import RunStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RunStore]:
    store = RunStore(tmp_path / "home")
    yield store
    store.close()


@pytest.fixture
def spec() -> RunSpec:
    return RunSpec("dcgan", "digits", 16, steps=100, hparams={"seed": 7, "loss": "hinge"})
