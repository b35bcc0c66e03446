"""`ganscope runs`, and how a run is named."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from gan_core.cli.output import find_run, what
from gan_core.data import size_word
from gan_core.errors import BadValue, UnknownName
from gan_core.runs.spec import RunSpec
from gan_core.runs.store import RunState, RunStore
from tests.cli.commands import MARKUP, make_run, ok, refused


def test_runs_are_named_noted_and_pinned(store: RunStore) -> None:
    assert "No runs yet" in ok("runs")
    id, other = make_run(store), make_run(store, "other")
    ok("runs", "rename", id, MARKUP)
    ok("runs", "note", MARKUP, "line\nline")
    ok("runs", "pin", id, "other")
    ok("runs", "unpin", "other")
    listed = ok("runs", "list")
    assert MARKUP in listed
    assert other in listed
    records = {record["run"]: record for record in json.loads(ok("runs", "list", "--json"))}
    assert (records[id]["name"], records[id]["note"], records[id]["pinned"]) == (MARKUP, "line\nline", True)
    assert not records[other]["pinned"]
    shown = json.loads(ok("runs", "show", id, "--json"))
    assert shown["metrics"] == {"generator/loss": 0.5}
    assert MARKUP in ok("runs", "show", id)


def test_only_pictures_have_a_size_in_pixels() -> None:
    assert what(RunSpec("dcgan", "digits", 16, 100)) == "dcgan on digits, 16 px"
    assert what(RunSpec("points", "ring8", 2, 100)) == "points on ring8"
    assert what(RunSpec("specgan", "spoken_digits", 8192, 100)) == "specgan on spoken_digits"
    assert (size_word("arithmetic", 8), size_word("avatars", 64)) == ("", "64 px")


def test_deleting_asks_first(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [make_run(store, str(number)) for number in range(4)]
    store.set_pinned(ids[0], True)
    assert "--yes" in refused(2, "runs", "delete", ids[1])
    assert "--yes" in refused(2, "runs", "delete-unpinned", "--json")
    assert len(store.runs()) == 4
    assert json.loads(ok("runs", "delete", ids[1], "--yes", "--json")) == {"deleted": [ids[1]]}
    assert json.loads(ok("runs", "delete-unpinned", "--yes", "--json"))["deleted"] == [ids[3], ids[2]]
    assert [run.id for run in store.runs()] == [ids[0]]


def test_a_run_is_found_by_id_beginning_name_and_latest(store: RunStore) -> None:
    first, second = make_run(store, "one"), make_run(store, "two")
    assert find_run(store, first).id == first
    assert find_run(store, "one").id == first
    assert find_run(store, "latest").id == second
    store.rename(second, "one")
    with pytest.raises(BadValue, match=f"2 runs match 'one'. Give the id of one: .*{first}"):
        find_run(store, "one")
    with pytest.raises(BadValue, match="2 runs match"):
        find_run(store, first[:4])
    assert "2 runs match 'one'" in refused(2, "sample", "one", "-o", "x.png")  # not "no model or run"
    with pytest.raises(UnknownName):
        find_run(store, "")


def test_quick_verbs_do_not_import_torch() -> None:
    code = (
        "import sys; from gan_core.cli import app\n"
        "for words in (['--help'], ['runs'], ['data']):\n"
        "    app(words, standalone_mode=False)\n"
        "sys.exit(bool({'torch', 'streamlit', 'plotly'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0


def test_an_empty_name_is_no_run(store: RunStore) -> None:
    id = make_run(store)
    for words in (("delete", "", "--yes"), ("show", ""), ("rename", "", "x")):
        assert "no run named ''" in refused(2, "runs", *words)
    assert [run.id for run in store.runs()] == [id]


@pytest.mark.parametrize("knob", ["self", "verb", "wanted", "as_json"])
def test_a_knob_that_does_not_exist_is_refused_whatever_it_is_called(store: RunStore, knob: str) -> None:
    run = store.create(RunSpec("mlp_gan", "digits", 8, 20), name="mine")
    token = store.claim(run.id)
    store.set_state(run.id, token, RunState.RUNNING)
    assert f"no knob named '{knob}'" in refused(2, "runs", "edit", "mine", "--set", f"{knob}=1")
