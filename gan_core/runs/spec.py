"""The specification of a run, as plain values: enough to reproduce it anywhere."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from gan_core.errors import BadValue


@dataclass(frozen=True)
class RunSpec:
    """Recipe x data x settings x length. `hparams` holds every knob of the recipe by name (the seed among them)."""

    recipe: str
    data: str
    size: int  # height and width of the images, pixels
    steps: int = 0  # planned training steps; 0 trains until it is stopped
    hparams: Mapping[str, Any] = field(default_factory=dict)
    preset: str = ""

    def __post_init__(self) -> None:
        if self.steps < 0:
            raise BadValue(
                "The number of steps must be at least 0, got {steps}; 0 trains until stopped.", steps=self.steps
            )

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> RunSpec:
        return cls(**json.loads(text))

    def with_data(self, reference: str) -> RunSpec:
        return replace(self, data=reference)

    def with_hparams(self, hparams: Mapping[str, Any]) -> RunSpec:
        return replace(self, hparams=dict(hparams))
