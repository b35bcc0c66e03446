"""What a rule is, and the registry of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gan_core.doctor.case import OPPOSED, Case, Judge
from gan_core.doctor.finding import Finding, Level
from gan_core.registry import Registry


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One thing that can be wrong with a run.

    `check` returns a Finding of the same name, or None where nothing is found or what it reads wasn't recorded. It is
    asked only for runs whose discriminator is read in one of the ways of `judges`.
    """

    name: str
    title: str
    measures: str  # what is read, in words
    threshold: str  # in words, with the numbers
    source: str  # arXiv ids, issues, or "own"
    check: Callable[[Case], Finding | None]
    level: Level  # of its findings, the gravest
    remedies: tuple[str, ...]  # all that it can advise; a finding names those that fit, the first to try first
    judges: tuple[Judge, ...] = OPPOSED
    from_start: bool = False  # also asked in the first steps of a run


rules: Registry[Rule] = Registry("rule")


def register(rule: Rule) -> Rule:
    """Adds a rule to the doctor's; its name must be new."""
    return rules.register(rule.name, rule)
