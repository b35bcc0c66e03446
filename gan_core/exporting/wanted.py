"""What is asked of an export, and what it says of what it has written. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PRECISIONS = ("fp32", "fp16", "int8")


@dataclass(frozen=True)
class Wanted:
    """What is to be exported: a `part` of the model ("w", "discriminator"; "" for what it is for), one of its
    translations by `direction`, pictures as 8-bit (`uint8`), a `precision` of PRECISIONS (ONNX alone), the noise of a
    style-based generator as inputs (`noise_inputs`), pictures of other sizes than those trained on (`free_size`).
    """

    part: str = ""
    direction: str = ""
    uint8: bool = False
    precision: str = "fp32"
    noise_inputs: bool = False
    free_size: bool = False


@dataclass(frozen=True)
class Written:
    """What was written, and how far it is from PyTorch: `difference`, the largest of all outputs, and in another
    precision `psnr` (dB) to single precision.
    """

    files: tuple[Path, ...]
    bytes: int
    difference: float
    psnr: float | None
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
