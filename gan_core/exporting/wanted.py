"""The request for an export, and its result. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PRECISIONS = ("fp32", "fp16", "int8")


@dataclass(frozen=True)
class Wanted:
    """The request for an export: a `part` of the model ("w", "discriminator"; "" for its main part), one of its
    translations by `direction`, pictures as 8-bit (`uint8`), a `precision` of PRECISIONS (ONNX only), the noise of a
    style-based generator as inputs (`noise_inputs`), pictures of other sizes than the training images (`free_size`).
    """

    part: str = ""
    direction: str = ""
    uint8: bool = False
    precision: str = "fp32"
    noise_inputs: bool = False
    free_size: bool = False


@dataclass(frozen=True)
class Written:
    """The exported file, and its deviation from PyTorch: `difference`, the largest over all outputs, and for another
    precision `psnr` (dB) relative to single precision, or the share of whole numbers that stays `equal`.
    """

    files: tuple[Path, ...]
    bytes: int
    difference: float
    psnr: float | None
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    equal: float | None = None
