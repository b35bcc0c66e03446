"""A remedy is applied, undone, or too late: then the run returns to the checkpoint before the alarm."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gan_core.errors import BadValue
from gan_core.runs.store import RunState, RunStore
from gan_core.training.control import applied, current_hparams
from gan_core.training.session import Session
from tests.made_runs import end_all
from tests.training.test_session import new_run, wait


@pytest.fixture
def store(home: Path) -> Iterator[RunStore]:
    store = RunStore()
    yield store
    end_all(store)


def test_a_remedy_can_be_undone_and_a_run_returned_to_before_an_alarm(store: RunStore) -> None:
    run = new_run(store)
    session = Session(store, run.id).start(paused=True)
    wait(lambda: session.status.state is RunState.PAUSED, "the pause")
    session.step(3)
    wait(lambda: session.status.step == 3, "steps")
    session.save()
    wait(lambda: [one.step for one in store.checkpoints(run.id)][-1:] == [3], "a checkpoint")
    session.step(2)
    wait(lambda: session.status.step == 5 and session.status.state is RunState.PAUSED, "steps")
    rate = current_hparams(store, run).discriminator_rate  # type: ignore[attr-defined]
    assert applied(store, run) is None
    session.apply("slower_discriminator")
    wait(lambda: applied(store, run) == ("slower_discriminator", 5), "the edit, with a checkpoint before it")
    session.step(2)
    wait(lambda: session.status.step == 7 and session.status.state is RunState.PAUSED, "steps")
    assert session.trainer.hparams.discriminator_rate == pytest.approx(rate / 2)  # type: ignore[attr-defined]
    session.rollback(5)
    wait(lambda: session.status.step == 5, "the state before the remedy")
    wait(lambda: session.trainer.hparams.discriminator_rate == rate, "its settings")  # type: ignore[attr-defined]
    wait(lambda: applied(store, run) is None, "nothing left to undo")
    session.rollback(4)  # to the newest checkpoint up to this step
    wait(lambda: session.status.step == 3 and session.status.message, "the older checkpoint")
    assert store.metrics(run.id).steps.tolist() == [1, 2, 3]
    with pytest.raises(BadValue, match="no checkpoint at or before step 2"):
        session.rollback(2)
