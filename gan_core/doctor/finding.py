"""The result of a rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from gan_core.errors import filled

Level = Literal["early", "good", "watch", "bad"]


@dataclass(frozen=True)
class Finding:
    """One observation; the texts are constant templates, filled with `values`."""

    kind: str  # the name of the rule, or of the state of a run without alarms
    level: Level
    what: str
    cause: str = ""
    remedy: str = ""  # advice that isn't a setting
    values: Mapping[str, Any] = field(default_factory=dict)
    remedies: tuple[str, ...] = ()  # advice that is a setting: names of `remedies`, in the order to try them
    evidence: tuple[str, ...] = ()  # names of the metrics that show it
    limit: float | None = None  # the threshold, in the unit of the evidence

    @property
    def is_alarm(self) -> bool:
        return self.level in ("bad", "watch")

    @property
    def sentence(self) -> str:
        """The finding as an English sentence."""
        return filled(self.what, self.values)
