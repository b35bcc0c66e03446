"""The definition of a rule, and the registry of rules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gan_core.doctor.case import OPPOSED, Case, Judge
from gan_core.doctor.finding import Finding, Level
from gan_core.registry import Registry


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One problem that a run can have.

    `check` returns a Finding of the same name, or None if there is none or its metrics weren't recorded. It is called
    only for runs whose discriminator is of one of the kinds in `judges`.
    """

    name: str
    title: str
    measures: str  # its measurements, in words
    threshold: str  # in words, with the numbers
    source: str  # arXiv ids, issues, or "own"
    check: Callable[[Case], Finding | None]
    level: Level  # the most severe level of its findings
    remedies: tuple[str, ...]  # all that it can advise; a finding names those that apply, in the order to try them
    judges: tuple[Judge, ...] = OPPOSED
    from_start: bool = False  # also called in the first steps of a run


rules: Registry[Rule] = Registry("rule")


def register(rule: Rule) -> Rule:
    """Registers a rule; its name must be new."""
    return rules.register(rule.name, rule)
