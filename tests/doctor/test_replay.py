"""The rules on the runs of `benchmarks.doctor`, whose figures docs/doctor.md states."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from benchmarks.doctor import CASES, CURES, first_remedy
from benchmarks.doctor_replay import ACCEPTED, Judgement, case_of, judgements, summary
from benchmarks.kept_runs import FOLDER, JUDGING_SEEDS, SETTING_SEEDS, kept, read, thinned, write
from gan_core.doctor.rule import rules

GUIDE = Path(__file__).parents[2] / "docs" / "doctor.md"
LIMIT = 3 * 2**20  # bytes of all kept runs


@pytest.fixture(scope="module")
def judged() -> list[Judgement]:
    return list(judgements(JUDGING_SEEDS))


def test_the_figures_of_the_guide(judged: list[Judgement]) -> None:
    found = summary(judged)
    guide = " ".join(GUIDE.read_text(encoding="utf-8").split())
    stated = [
        rf"\*\*{found.detected} of {found.ill}\*\* ill runs",
        rf"\*\*{found.false_alarms} of {found.healthy}\*\* healthy runs",
        rf"\*\*{found.early} of {found.collapses}\*\* runs that lost their modes",
    ]
    for figure in stated:
        assert re.search(figure, guide), figure


def test_the_stored_cures_are_of_the_remedies_that_come_first() -> None:
    stored = json.loads(CURES.read_text(encoding="utf-8"))
    cases = {case.name: case for case in CASES}
    treated = [(run, one) for run in kept(JUDGING_SEEDS) if (one := stored.get(f"{run.case}-{run.seed}"))]
    assert len(treated) > 40
    for run, one in treated:
        assert (one["remedy"], one.get("changes", {})) == first_remedy(cases[run.case], run)


def test_thresholds_were_set_on_other_seeds() -> None:
    assert not set(SETTING_SEEDS) & set(JUDGING_SEEDS)
    seeds = {run.seed for run in kept()}
    assert seeds <= set(SETTING_SEEDS + JUDGING_SEEDS)
    assert seeds & set(SETTING_SEEDS)
    assert seeds & set(JUDGING_SEEDS)


def test_each_illness_is_one_that_a_rule_names(judged: list[Judgement]) -> None:
    assert {one.illness for one in judged} - {""} <= set(ACCEPTED)
    for illness, accepted in ACCEPTED.items():
        assert illness in accepted
        assert accepted <= set(rules.names())


def test_runs_are_many_and_small() -> None:
    files = list(FOLDER.glob("*.npz"))
    assert f"{len(files)} runs are kept" in GUIDE.read_text(encoding="utf-8")
    assert sum(path.stat().st_size for path in files) < LIMIT


def test_a_kept_run_reads_as_it_was_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    run = read(min(FOLDER.glob("points_ring-*.npz")))
    monkeypatch.setattr("benchmarks.kept_runs.FOLDER", tmp_path)
    write(run)
    again = read(run.path)
    assert run.path.parent == tmp_path
    assert (again.case, again.settings, again.planned) == (run.case, run.settings, run.planned)
    assert again.metrics.steps.tolist() == thinned(run.metrics).steps.tolist()
    for name, column in again.metrics.columns.items():
        assert abs(column - thinned(run.metrics).columns[name])[column == column].max(initial=0) == 0
    assert case_of(again).subject.modes == 8
