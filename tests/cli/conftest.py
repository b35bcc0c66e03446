"""Settings of the machine don't affect the commands."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gan_core.runs.store import RunStore


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GANSCOPE_DATA", "GANSCOPE_MAX_RUNS", "GANSCOPE_QUOTA_GB"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def store() -> Iterator[RunStore]:
    store = RunStore()
    yield store
    store.close()
