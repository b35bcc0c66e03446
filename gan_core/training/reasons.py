"""Why a run pauses or fails by itself: templates of the run's message, and their values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gan_core.training.recorder import Fault

Reason = tuple[str, Mapping[str, Any]]

N_TERM = (
    "The loss term “{term}” became {value} at step {step}. Go back to the last good checkpoint, then lower a "
    "learning rate or change the loss."
)
N_GRADIENT = (
    "The gradient norm of “{phase}” became {value} at step {step}. Go back to the last good checkpoint, then lower a "
    "learning rate or change the loss."
)
N_TERM_ON_RANK = (
    "The loss term “{term}” became {value} on rank(s) {ranks} at step {step}. Go back to the last good checkpoint, "
    "then lower a learning rate or change the loss."
)
N_GRADIENT_ON_RANK = (
    "The gradient norm of “{phase}” became {value} on rank(s) {ranks} at step {step}. Go back to the last good "
    "checkpoint, then lower a learning rate or change the loss."
)
N_LOST_RANK = (
    "The process of rank {ranks} has ended. The run can be resumed, with any number of processes, from its checkpoint "
    "at step {step}."
)
N_LOST_CONNECTION = (
    "The connection to another process of this run is lost. The run can be resumed, with any number of processes, from "
    "its checkpoint at step {step}."
)


def of_fault(fault: Fault) -> Reason:
    """A loss term or a gradient that isn't finite. `term` is the name of a metric, "phase/term"."""
    values = {"value": str(fault.value), "step": fault.step, "ranks": joined(fault.ranks)}
    if fault.of_gradient:
        phase = fault.term.removeprefix("gradient_norm/")
        return (N_GRADIENT_ON_RANK if fault.ranks else N_GRADIENT), {"phase": phase} | values
    return (N_TERM_ON_RANK if fault.ranks else N_TERM), {"term": fault.term} | values


def of_lost_ranks(ranks: Sequence[int], step: int) -> Reason:
    """Other processes that have ended, by their ranks; the last checkpoint is of `step`."""
    return (N_LOST_RANK if ranks else N_LOST_CONNECTION), {"ranks": joined(ranks), "step": step}


def joined(ranks: Sequence[int]) -> str:
    return ", ".join(map(str, ranks))
