"""The rules replayed on kept runs: what was detected, and what was a false alarm. Needs no torch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from benchmarks.kept_runs import KeptRun, kept
from gan_core.data.catalogue import modes_of
from gan_core.doctor.case import Case, Subject
from gan_core.doctor.diagnosis import alarms

# the findings that detect a fault: the one of its name, and equivalent ones
ACCEPTED: Mapping[str, frozenset[str]] = {
    "mode_collapse": frozenset({"mode_collapse"}),
    "modes_missing": frozenset({"modes_missing", "mode_collapse"}),
    "diverging_scores": frozenset({"diverging_scores", "exploding_gradients"}),
    "nan_ahead": frozenset({"nan_ahead"}),
    "vanishing_gradients": frozenset({"vanishing_gradients"}),
    "oscillation": frozenset({"oscillation"}),
    "stagnation": frozenset({"stagnation"}),
    "data_range": frozenset({"data_range"}),
    "penalty_weight": frozenset({"penalty_weight"}),
    "critic_not_optimal": frozenset({"critic_not_optimal"}),
    "discriminator_too_strong": frozenset({"discriminator_too_strong"}),
    "discriminator_too_weak": frozenset({"discriminator_too_weak"}),
    "at_chance": frozenset({"at_chance"}),
    "samples_alike": frozenset({"samples_alike", "classes_missing"}),
    "memorisation": frozenset({"memorisation"}),
    "cheap_cue": frozenset({"cheap_cue"}),
    "label_ignored": frozenset({"label_ignored"}),
    "colour_inversion": frozenset({"colour_inversion"}),
}


def case_of(run: KeptRun) -> Case:
    """Returns what the rules read from a stored run."""
    known = modes_of(run.data) if run.task == "points" else None
    modes = len(known.centres) if known else 0
    return Case(run.metrics, Subject(run.settings, run.task, modes, run.size, run.planned))


@dataclass(frozen=True)
class Judgement:
    """The findings of the rules on one run."""

    case: str
    seed: int
    illness: str
    accepted: frozenset[str]
    raised: Mapping[str, int]  # by kind, the step
    steps: int
    left: float | None  # of a run that loses its modes: the share that it still covered at the alarm

    @property
    def seen(self) -> int | None:
        """The step at which the fault was detected; None if it wasn't."""
        return min((step for kind, step in self.raised.items() if kind in self.accepted), default=None)

    @property
    def detected(self) -> bool:
        return self.seen is not None


@dataclass(frozen=True)
class Summary:
    """Counts over runs. `early`: collapses that were detected with at least half of the modes left."""

    ill: int
    detected: int
    healthy: int
    false_alarms: int
    collapses: int
    early: int


def judgements(seeds: tuple[int, ...]) -> Iterator[Judgement]:
    for run in kept(seeds):
        case = case_of(run)
        raised = alarms(case)
        yield Judgement(
            run.case, run.seed, run.illness, ACCEPTED.get(run.illness, frozenset()), raised,
            int(run.metrics.steps[-1]), _left(run, case),
        )  # fmt: skip


def _left(run: KeptRun, case: Case) -> float | None:
    """`Judgement.left`, replayed at each look at the samples: a collapse can be shorter than the default spacing of
    `alarms`.
    """
    steps, covered = case.history("modes/covered")
    if run.illness != "mode_collapse" or not len(covered) or covered.max() < case.subject.modes:
        return None  # it never had all modes
    at = alarms(case, steps.tolist()).get("mode_collapse")
    return 0.0 if at is None else float(covered[steps == at][0] / case.subject.modes)


def summary(judged: Iterable[Judgement]) -> Summary:
    judged = list(judged)
    ill, healthy = ([one for one in judged if bool(one.illness) == sick] for sick in (True, False))
    collapses = [one for one in ill if one.left is not None]
    return Summary(
        len(ill), sum(one.detected for one in ill), len(healthy), sum(bool(one.raised) for one in healthy),
        len(collapses), sum((one.left or 0.0) >= 0.5 for one in collapses),
    )  # fmt: skip
