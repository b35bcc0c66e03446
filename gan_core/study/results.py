"""The results of a study: a folder below GANSCOPE_HOME with one file per classifier. Needs no torch.

    studies/pneumonia-1a2b3c4d/plan.json            the plan, the classes, and a description of the test images
                               cells/k20.gan.0.json one result
                               k20.0.npz            images of a GAN: `images` uint8 (N, C, H, W), `label` (N,)
                               k20.real.png         real images beside generated ones
                               k20.generated.png

Files are written whole or not at all, so a study that was killed continues where it stopped.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gan_core.data import prepared
from gan_core.errors import StoreError
from gan_core.files import write_atomically
from gan_core.metrics.pictures import EIGHT_BITS
from gan_core.paths import home
from gan_core.study.plan import Cell, Setting, StudyPlan

UNREADABLE = (*prepared.UNREADABLE, TypeError)


@dataclass(frozen=True)
class Result:
    """The metrics of one classifier on the test images, in [0, 1], and its training time in seconds."""

    accuracy: float
    auc: float
    seconds: float
    pictures: str = EIGHT_BITS  # pictures for training and testing


@dataclass(frozen=True)
class Background:
    """Facts about the data: names of the classes, number of test images, and their source."""

    class_names: tuple[str, ...]
    test_items: int
    test_part: str  # "published", or "held_out": every tenth image of the set


class StudyFolder:
    """The files of one study."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def of(cls, plan: StudyPlan) -> StudyFolder:
        return cls(studies() / plan.folder)

    def begin(self, plan: StudyPlan, background: Background) -> None:
        """Creates the folder and writes the plan, replacing an earlier one; raises StoreError."""
        state = {"plan": plan.to_state(), "background": vars(background)}
        try:
            (self.path / "cells").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                "{path} can't be written ({reason}).", path=self.path, reason=error.strerror or error
            ) from error
        self.write("plan.json", json.dumps(state, indent=1).encode())

    def write(self, name: str, content: bytes) -> None:
        """Writes a file, whole or not at all; raises StoreError."""
        try:
            write_atomically(self.path / name, content)
        except OSError as error:
            raise StoreError(
                "{path} can't be written ({reason}).", path=self.path / name, reason=error.strerror or error
            ) from error

    def plan(self) -> tuple[StudyPlan, Background]:
        """The plan requested last; raises StoreError if the file can't be read."""
        path = self.path / "plan.json"
        try:
            state: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            about = dict(state["background"])
            about["class_names"] = tuple(about["class_names"])
            return StudyPlan.from_state(state["plan"]), Background(**about)
        except UNREADABLE as error:
            raise StoreError("{path} can't be read ({reason}).", path=path, reason=error) from error

    def keep(self, cell: Cell, result: Result) -> None:
        self.write(f"cells/{cell.name}.json", json.dumps(vars(result)).encode())

    def result(self, cell: Cell) -> Result | None:
        """A stored result; None if it is missing, or if its file is damaged: it is then measured again."""
        try:
            return Result(**json.loads((self.path / "cells" / f"{cell.name}.json").read_text(encoding="utf-8")))
        except UNREADABLE:
            return None

    def keep_generated(self, setting: Setting, seed: int, images: np.ndarray, labels: np.ndarray) -> None:
        buffer = io.BytesIO()
        np.savez_compressed(buffer, images=images, label=labels)
        self.write(f"{setting.name}.{seed}.npz", buffer.getvalue())

    def generated(self, setting: Setting, seed: int) -> tuple[np.ndarray, np.ndarray] | None:
        """Images uint8 (N, C, H, W) and labels (N,) of a GAN; None if it isn't trained or the file is damaged."""
        try:
            with (self.path / f"{setting.name}.{seed}.npz").open("rb") as file, np.load(file) as kept:
                return kept["images"], kept["label"]
        except UNREADABLE:
            return None

    def picture(self, setting: Setting, kind: str) -> Path | None:
        """The PNG of `real` or `generated` images, a row for each class; None if there is none."""
        path = self.path / f"{setting.name}.{kind}.png"
        return path if path.is_file() else None


def studies() -> Path:
    return home() / "studies"


def found() -> list[StudyFolder]:
    """Every study, the most recently changed first."""
    plans = sorted(studies().glob("*/plan.json"), key=lambda path: -path.stat().st_mtime)
    return [StudyFolder(path.parent) for path in plans]
