"""Runs of the dashboard in the Studio: the newest checkpoint by the run's name, and any stored one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gan_core.errors import BadCheckpoint, BadValue, UnknownName
from gan_core.runs.store import RunStore
from tabs import editing, mixing, models
from tests.made_runs import trained
from tests.studio.test_tabs import FACE, MODEL, VISIT, pixels, plain
from tests.studio_serving import STYLED
from ui.studio.models import cache, runs
from ui.studio.models.opened import offered, opened
from ui.studio.view.view import parsed
from ui.studio.widgets import choices


@pytest.fixture
def store(home: Path) -> Iterator[RunStore]:
    made = RunStore()
    yield made
    made.close()
    runs._store_in.cache_clear()
    cache.models.clear()


def test_a_run_opens_by_its_name_and_says_which_step_it_is(store: RunStore) -> None:
    id = trained(store, name="mine")
    full = f"run:{id}@2"
    assert list(offered()) == [full]
    scene = editing.arrive(f"?model=run:{id}&seed=3")
    assert plain(scene[MODEL]) == full
    assert scene[MODEL]["choices"] == [("mine · 2", full)]
    assert f"model=run:{id}@2" in scene[FACE]["query"]
    again = editing.arrive("?" + scene[FACE]["query"])
    assert pixels(again[FACE]["now"]) == pixels(scene[FACE]["now"])
    assert scene[VISIT].slots[0] == "PCA 1"
    assert opened(full).folder == store.folder(id)


def test_the_tabs_have_it_once_the_page_is_opened(store: RunStore, shelf_beside: str) -> None:
    id = trained(store)
    lists = choices.filled([choices.every, mixing.fits], f"?model=run:{id}")
    assert [one["value"] for one in lists] == [f"run:{id}@2"] * 2
    assert [name for _title, name in lists[1]["choices"]] == [STYLED, f"run:{id}@2"]
    assert "value" not in choices.filled([mixing.fits], "?model=nobody")[0]
    assert pixels(mixing.mix(None, f"run:{id}@2", 1, 2, "coarse", 0)[2]["now"])


def test_it_is_shown_among_the_models(store: RunStore, shelf_beside: str) -> None:
    id = trained(store, name='<b>"mine"</b>')
    html = models.models()
    assert f"?model=run%3A{id}%402" in html
    assert "&lt;b&gt;" in html
    assert "<b>" not in html


@pytest.fixture
def shelf_beside(home: Path) -> str:
    from tests.made_models import make_model

    make_model(STYLED)
    return STYLED


def test_a_missing_checkpoint_is_reported_and_the_newest_shown(store: RunStore, shelf_beside: str) -> None:
    id = trained(store)
    view, (problem,) = parsed(f"model=run:{id}@1&seed=4")
    assert view is not None
    assert (view.model, view.seed) == (f"run:{id}@2", 4)
    assert "kept no checkpoint of step 1; this is step 2" in str(problem)
    with pytest.raises(BadCheckpoint, match="kept no checkpoint of step 1"):
        opened(f"run:{id}@1")


@pytest.mark.parametrize("name", ["run:nobody", "run:../../etc", "run:", "run:x@y"])
def test_invalid_run_names(store: RunStore, shelf_beside: str, name: str) -> None:
    view, (problem,) = parsed(f"model={name}")
    assert view is not None
    assert view.model == STYLED
    assert isinstance(problem, UnknownName)


def test_runs_that_can_not_be_opened_say_why(store: RunStore, shelf_beside: str) -> None:
    judge = trained(store, "feature_net")
    assert "has no latent space" in str(parsed(f"model=run:{judge}")[1][0])
    begun = store.create(store.get(judge).spec, name="begun").id
    assert "begun has no checkpoint yet" in str(parsed(f"model=run:{begun}")[1][0])
    assert list(offered()) == [STYLED]


def test_strangers_see_no_runs(store: RunStore, shelf_beside: str, monkeypatch: pytest.MonkeyPatch) -> None:
    id = trained(store, name="secret")
    monkeypatch.setenv("GANSCOPE_HOSTED", "1")
    assert list(offered()) == [STYLED]
    assert "secret" not in models.models()
    with pytest.raises(UnknownName, match="There is no model named"):
        opened(f"run:{id}")
    assert "There is no model named" in str(parsed(f"model=run:{id}")[1][0])


def test_folders_are_open_only_to_the_local_user(shelf_beside: str, tmp_path: Path) -> None:
    from types import SimpleNamespace

    far = SimpleNamespace(client=SimpleNamespace(host="192.168.1.9"))
    with pytest.raises(BadValue, match="on the computer that runs the Studio"):
        models.bring(far, str(tmp_path))  # type: ignore[arg-type]
