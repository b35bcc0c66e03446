"""Proposals from preferences: a Gaussian process over the settings that has seen which trial was preferred to which.

The sampler is optuna-dashboard's (Takeno et al., 2023, 2302.01513): it draws a sample of the preferential posterior and
proposes the settings with the largest expected improvement. It gets each number as a coordinate in [0, 1], each choice
as one coordinate per option, in a separate study in memory: version 0.21.0 never proposes the upper end of whole
numbers, and warns that it works badly with choices beside numbers (findings/optuna_dashboard_leaves_out_the_last.sh).
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gan_core.errors import BadData, BadValue
from gan_core.search import storage
from gan_core.search.plan import SearchPlan
from gan_core.search.space import Range

if TYPE_CHECKING:
    from numpy.random import Generator

TRIES = 200  # random settings to try in search of an untried one
LEAST = 8  # least number of combinations for a search by eye
N_MISSING = "A search by eye needs optuna-dashboard and BoTorch. Install them with: pip install 'ganscope[by-eye]'"

Settings = Mapping[str, Any]


def check(plan: SearchPlan) -> None:
    """Raises BadValue if the sampler isn't installed, or if there are too few combinations."""
    _library()
    count = math.prod(_options(one) for one in plan.ranges)
    if count < LEAST:
        raise BadValue(
            "There are only {count} combinations of these settings, and a search by eye needs at least {least}: widen "
            "a range, or vary another setting.",
            count=int(count), least=LEAST,
        )  # fmt: skip


def _options(one: Range) -> float:
    if one.choices:
        return len(one.choices)
    return one.high - one.low + 1 if one.whole else math.inf


def propose(plan: SearchPlan, tried: Mapping[int, Settings], pairs: Sequence[tuple[int, int]], seed: int) -> Settings:
    """The settings to try next: random ones until there are preferences.

    `tried` are settings by trial number, `pairs` trial numbers as (better, worse). Raises BadData if everything has
    been tried.
    """
    generator = np.random.default_rng([plan.seed, seed])
    known = [pair for pair in pairs if tried.keys() >= set(pair)]
    found = [_decoded(plan, _sampled(plan, tried, known, int(generator.integers(2**31))))] if known else []
    for settings in (*found, *_random(plan, generator)):
        if settings not in tried.values():
            return settings
    raise BadData("Every combination of the settings has been tried: there is nothing left to propose.")


def _random(plan: SearchPlan, generator: Generator) -> Iterator[Settings]:
    for _ in range(TRIES):
        yield _decoded(plan, generator.random(sum(_width(one) for one in plan.ranges)))


def _sampled(
    plan: SearchPlan, tried: Mapping[int, Settings], pairs: Sequence[tuple[int, int]], seed: int
) -> np.ndarray:
    """The coordinates that the sampler proposes."""
    preferential, gp = _library()
    optuna = storage.optuna()
    numbers = sorted({number for pair in pairs for number in pair})
    coordinates = {number: encoded(plan, tried[number]) for number in numbers}
    names = [f"x{place}" for place in range(len(coordinates[numbers[0]]))]
    space = {name: optuna.distributions.FloatDistribution(0, 1) for name in names}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # from BoTorch itself
        study = preferential.create_study(n_generate=1, sampler=gp.PreferentialGPSampler(seed=seed))
        for number in numbers:
            params = dict(zip(names, map(float, coordinates[number]), strict=True))
            study.add_trial(optuna.trial.create_trial(params=params, distributions=space, value=0.0))
        trials = dict(zip(numbers, study.trials, strict=True))
        for better, worse in pairs:
            study.report_preference(trials[better], trials[worse])
        params = study.ask(space).params
    return np.array([params[name] for name in names])


def _library() -> tuple[Any, Any]:
    """The modules of optuna-dashboard; raises BadValue if they or their dependencies aren't installed."""
    storage.optuna()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch.jit is deprecated
            from optuna_dashboard import preferential
            from optuna_dashboard.preferential.samplers import gp
    except ImportError:
        raise BadValue(N_MISSING) from None
    return preferential, gp


def encoded(plan: SearchPlan, settings: Settings) -> np.ndarray:
    """Settings as coordinates in [0, 1]: one for a number, one per option for a choice."""
    found: list[float] = []
    for one in plan.ranges:
        if one.choices:
            found += [float(choice == settings[one.knob]) for choice in one.choices]
            continue
        low, high = _ends(one)
        place = (_straight(one, settings[one.knob]) - low) / (high - low)
        found.append(min(1.0, max(0.0, place)))  # the first trial may lie outside
    return np.array(found)


def _decoded(plan: SearchPlan, coordinates: np.ndarray) -> Settings:
    """The settings at coordinates; for a choice, the option with the largest one."""
    settings: dict[str, Any] = {}
    rest = list(coordinates)
    for one in plan.ranges:
        mine, rest = rest[: _width(one)], rest[_width(one) :]
        if one.choices:
            settings[one.knob] = one.choices[int(np.argmax(mine))]
            continue
        low, high = _ends(one)
        value = low + (high - low) * float(mine[0])
        value = math.exp(value) if one.logarithmic else value
        value = min(one.high, max(one.low, round(value) if one.whole else value))
        settings[one.knob] = int(value) if one.whole else float(value)
    return settings


def _width(one: Range) -> int:
    return len(one.choices) or 1


def _ends(one: Range) -> tuple[float, float]:
    """The ends on the straight scale; half a step further for whole numbers, for intervals of equal length."""
    half = 0.5 if one.whole else 0.0
    return _straight(one, one.low - half), _straight(one, one.high + half)


def _straight(one: Range, value: float) -> float:
    return math.log(value) if one.logarithmic else float(value)
