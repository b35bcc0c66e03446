"""The folklore: claims that can be trained as stated, results that cover all of them, the page that shows both."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import folklore as benchmark
from gan_core.gans import recipes
from gan_core.runs.store import RunStore
from tests.app.pages import page, sound
from ui.classroom.folklore import drawing, results
from ui.classroom.folklore import page as folklore_page
from ui.classroom.folklore.claims import BEDS, CLAIMS, FIGURES, SEEDS, arm_name, arms, link
from ui.classroom.playground import begin
from ui.classroom.train.setup import from_query

ROOT = Path(__file__).parents[2]


def test_there_are_enough_claims_and_each_has_two_arms() -> None:
    assert len(CLAIMS) >= 12
    assert len({claim.name for claim in CLAIMS}) == len(CLAIMS)
    assert len(SEEDS) == 5
    for claim in CLAIMS:
        assert claim.figure in FIGURES
        for bed in BEDS:
            differ = arm_name(claim.with_it.on(bed)) != arm_name(claim.without.on(bed))
            assert differ or claim.stopped, (claim.name, bed)


@pytest.mark.parametrize("bed", BEDS)
def test_the_settings_are_valid_and_their_links_hold_them(bed: str) -> None:
    tried = BEDS[bed]
    recipe = recipes.get(tried.recipe)
    for name, settings in arms(bed).items():
        wanted = recipe.settings({**tried.settings, **settings})
        _page, query = link(bed, settings, 700)
        base = begin.STANDARD if tried.recipe == "points" else {}
        setup, problems = from_query({**base, **query})
        assert not problems, name
        assert (setup.recipe, setup.data, setup.steps) == (tried.recipe, tried.data, 700)
        assert setup.settings() == wanted, name


def test_the_results_cover_every_claim_with_all_seeds_and_both_arms() -> None:
    measured = results.measured()
    for bed, tried in BEDS.items():
        assert measured["usual"][bed] == benchmark._plain(tried.settings) | {"steps": tried.steps}
        assert measured["arms"][bed].keys() == arms(bed).keys()
        for name, settings in arms(bed).items():
            kept = measured["arms"][bed][name]
            assert kept["settings"] == benchmark._plain(settings)
            assert kept["steps"] > 100
            for figure in (*FIGURES, "at_half"):
                assert len(kept["figures"][figure]) == len(SEEDS)
                assert np.isfinite(kept["figures"][figure]).all()
    for claim in CLAIMS:
        for bed in BEDS:
            outcome = results.outcome(claim, bed)
            assert outcome.low <= outcome.effect <= outcome.high
            assert len(outcome.effects) == len(SEEDS)


def test_arms_cost_the_same() -> None:
    """Processor time of the longest arm against that of the usual settings, with a tolerance for busy machines."""
    for bed in BEDS:
        kept = results.measured()["arms"][bed]
        for name, arm in kept.items():
            assert 0.5 < arm["seconds"] / kept["usual"]["seconds"] < 2, (bed, name)


def test_the_file_is_small() -> None:
    assert results.KEPT.stat().st_size < 100_000


def test_the_figures_of_a_run() -> None:
    looks = [
        {"distance": float(2 ** (8 - place)), "variety": place / 8, "estimate": 9.0 - place, "real": 0.6, "fake": 0.4}
        for place in range(8)
    ]
    looks[3] |= {"real": 0.51, "fake": 0.5}
    found = benchmark.figures(looks)
    assert found["distance"] == (4 + 2) / 2
    assert found["variety"] == pytest.approx(6.5 / 8)
    assert found["unrest"] == pytest.approx(np.log(2) * np.std([0, 1, 2, 3]))
    assert found["tracking"] == pytest.approx(1)
    assert found["at_half"] == 2**5


def test_a_short_run_is_measured_kept_and_not_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark, "LOOKS", 4)
    monkeypatch.setattr(benchmark, "measure", lambda name: lambda samples: (float(np.abs(samples).mean()), 0.5))
    for name in BEDS:
        made = benchmark.run(name, {"rate_ratio": 2.0}, 0, 8)
        assert (made["steps"], made["settings"], len(made["looks"])) == (8, {"rate_ratio": 2.0}, 4)
        assert all(0 < look["real"] < 1 for look in made["looks"])
    costs = {name: dict.fromkeys(arms(name), 1.0) for name in BEDS}
    (tmp_path / "costs.json").write_text(json.dumps(costs), encoding="utf-8")
    done: list[Any] = []

    def run(bed: str, settings: Any, seed: int, steps: int) -> dict[str, Any]:
        done.append((bed, seed))
        return {"steps": steps, "seconds": 1.0, "settings": {}, "looks": made["looks"]}

    monkeypatch.setattr(benchmark, "run", run)
    for _again in range(2):
        benchmark.measure_all(tmp_path, only=["usual"])
    assert sorted(done) == sorted((bed, seed) for bed in BEDS for seed in SEEDS)


def test_an_interval_is_drawn_with_better_on_the_right() -> None:
    shown = results.Outcome((1.0,), (2.0,), (-0.7,), -0.9, -0.5, True, "helps")
    strip = drawing.strip(shown, True, "<worse>", "better")
    left = float(strip.split('class="interval" style="left:')[1].split("%")[0])
    assert left > drawing.MIDDLE
    assert "&lt;worse&gt;" in strip
    assert shown.numbers() == "−50 % [−59 %, −39 %]"


@pytest.mark.parametrize("wanted", ["all", "unclear"])
def test_the_page_shows_every_claim_with_its_verdict(store: RunStore, wanted: str) -> None:
    test = page("folklore", {"folklore-filter": wanted})
    assert not test.error
    words = "\n".join(element.value for element in test.markdown)
    for claim in CLAIMS:
        assert (claim.said in words) == (wanted == "all" or "unclear" in folklore_page._kinds(claim)), claim.name
        if claim.said in words:
            for bed in BEDS:
                assert folklore_page.verdict_words(claim, results.outcome(claim, bed)) in words
    cut = [element.value for element in test.caption if "closest to 0.5" in element.value]
    stopped = [claim for claim in CLAIMS if claim.stopped and claim.said in words]
    assert len(cut) == len(stopped) * len(BEDS)  # their two arms are the same runs
    links = [element.proto for element in test.get("page_link")]
    shown = sum(claim.said in words for claim in CLAIMS)
    assert len(links) >= 2 * shown
    sound(test.run())


def test_the_page_needs_no_torch() -> None:
    code = "import sys, ui.classroom.folklore.page; print([n for n in ('torch', 'scipy') if n in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
