"""Measurements of runs side by side: the newest of each, a best one only beyond the intervals, the chart."""

from __future__ import annotations

import numpy as np

from gan_core.runs.records import Metrics
from ui.classroom.models.metrics import figure_words
from ui.classroom.runs.quality import Measured, best, last_measured, parallel, table


def measured(value: float, half: float = 0.1) -> Measured:
    return Measured(value, value - half, value + half, 100)


def test_the_newest_finite_measurement_counts() -> None:
    columns = {
        "quality/sliced1k_net": np.array([5.0, 3.0, np.nan]), "quality/sliced1k_net_low": np.array([4.0, 2.5, np.nan]),
        "quality/sliced1k_net_high": np.array([6.0, 3.5, np.nan]), "quality/sliced1k_net_floor": np.array([1.0, 1, 1]),
        "generator/loss": np.ones(3),
    }  # fmt: skip
    assert last_measured(Metrics(np.array([10, 20, 30]), columns)) == {"sliced1k_net": Measured(3.0, 2.5, 3.5, 20)}


def test_a_run_is_best_only_where_its_interval_is_below_all_others() -> None:
    assert best([measured(1), measured(2), None]) == 0
    assert best([measured(1), measured(1.15), measured(9)]) is None
    assert best([measured(1), None]) is None


def test_figures_of_other_nets_are_rows_of_their_own() -> None:
    lines = table({"one": {"a": measured(1)}, "two": {"a": measured(2), "b": measured(3)}})
    assert lines[2] == "|a|**1 (0.9–1.1)** ✓|2 (1.9–2.1)|"
    assert lines[3] == "|b|–|3 (2.9–3.1)|"
    assert table({"one": {}}) == []


def test_figures_are_named_in_words() -> None:
    named = {str(place): {"fd2k_mnistnet": measured(place)} for place in range(3)}
    assert table(named)[2].startswith("|Fréchet distance · 2k samples · net mnistnet|")
    drawn = parallel(named, [("rate", [1, 2, 3]), ("loss", ["hinge", "r1", "x"])])
    assert drawn is not None
    assert drawn.data[0].dimensions[-1].label == "Fréchet distance · 2k samples · net mnistnet"
    assert figure_words("sliced1k_imagenet_64px_train") == (
        "Sliced Wasserstein distance · 1k samples · net imagenet · 64px · compared with the training images"
    )


def test_settings_are_drawn_with_the_figure_that_most_runs_have() -> None:
    named = {str(place): {"a": measured(place)} for place in range(3)} | {"other": {"b": measured(1)}}
    drawn = parallel(named, [("rate", [1, 2, 3, 4]), ("loss", ["hinge", "hinge", "r1", "x"])])
    assert drawn is not None
    axes = drawn.data[0].dimensions
    assert [axis.label for axis in axes] == ["rate", "loss", "a"]
    assert list(axes[1]["values"]) == [0, 0, 1]
    assert list(axes[1].ticktext) == ["hinge", "r1"]
    assert parallel(named, []) is None
