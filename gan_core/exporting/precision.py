"""Smaller ONNX files: half precision, and 8-bit weights and activations with scales set on the model's own inputs.

| precision | file | on a CPU |
| --- | --- | --- |
| fp32 | 1 | the reference |
| fp16 | 1/2 | computed in single precision if the processor lacks half: no faster |
| int8 | about 1/4 | for size, not for speed: transposed convolutions run in single precision after dequantising |

Quantisation is static, per channel, in the QDQ form: dynamic quantisation and QuantFormat.QOperator silently skip
transposed convolutions (onnxruntime 1.32.0).
"""

from __future__ import annotations

import importlib
import logging
import math
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gan_core.errors import BadValue, ExportError
from gan_core.exporting.graphs import Graph
from gan_core.exporting.runtime import open_session

LEAST = {"fp16": 40.0, "int8": 24.0}  # dB of PSNR to single precision, below which the export is refused
LEAST_EQUAL = {"fp16": 0.99, "int8": 0.9}  # the same of whole numbers, such as tokens: the share that stays equal
CALIBRATION, CALIBRATION_BATCH = 64, 8  # items for setting the scales
MEASURED = 64  # other items for measuring the fidelity


@dataclass(frozen=True)
class Fidelity:
    """How close the outputs of another precision are: the PSNR in dB relative to the range of the single-precision
    outputs, -inf if one isn't finite, or, if these are whole numbers such as tokens, the share that is `equal`.
    """

    psnr: float | None = None
    equal: float | None = None


def reduced(graph: Graph, content: bytes, precision: str) -> tuple[bytes, Fidelity]:
    """The ONNX model in another precision, and its fidelity to the given one; inputs and outputs keep their types.

    Raises BadValue for an unknown precision, and ExportError below LEAST or LEAST_EQUAL.
    """
    if precision not in LEAST:
        raise BadValue("Unknown precision '{precision}'. Valid: {valid}.", precision=precision,
                       valid=", ".join(LEAST))  # fmt: skip
    made = _half(content) if precision == "fp16" else _eight_bits(graph, content)
    found = fidelity(graph, content, made)
    if found.equal is not None and found.equal < LEAST_EQUAL[precision]:
        raise ExportError(
            "In {precision} only {found:.1%} of the outputs stay as in single precision, less than {least:.0%}, so "
            "nothing was written. The file would have {bytes:,} bytes instead of {before:,}.",
            precision=precision, found=found.equal, least=LEAST_EQUAL[precision], bytes=len(made), before=len(content),
        )  # fmt: skip
    if found.psnr is not None and found.psnr < LEAST[precision]:
        raise ExportError(
            "In {precision} the outputs keep a PSNR of {found:.1f} dB to single precision, less than {least:g} dB, so "
            "nothing was written. The file would have {bytes:,} bytes instead of {before:,}.",
            precision=precision, found=found.psnr, least=LEAST[precision], bytes=len(made), before=len(content),
        )  # fmt: skip
    return made, found


def fidelity(graph: Graph, content: bytes, other: bytes) -> Fidelity:
    """The fidelity of the first output of the second of two ONNX models, for MEASURED items."""
    sessions = [open_session(one) for one in (content, other)]
    inputs = {name: value.numpy() for name, value in graph.examples(MEASURED, seed=1).items()}
    wanted, given = (session.run(None, inputs)[0] for session in sessions)
    if np.issubdtype(wanted.dtype, np.integer) and wanted.dtype != np.uint8:  # 8-bit numbers are pictures
        return Fidelity(equal=float((wanted == given).mean()))
    wanted, given = wanted.astype(np.float64), given.astype(np.float64)
    if not np.isfinite(given).all():  # half precision ends at 65,504
        return Fidelity(psnr=-math.inf)
    error = float(np.square(wanted - given).mean())
    span = float(np.ptp(wanted)) or 1.0
    return Fidelity(psnr=math.inf if error == 0 else 10 * math.log10(span**2 / error))


def _half(content: bytes) -> bytes:
    onnx: Any = importlib.import_module("onnx")
    conversion: Any = importlib.import_module("onnxruntime.transformers.float16")
    tools: Any = importlib.import_module("onnxruntime.transformers.onnx_model")
    model = tools.OnnxModel(conversion.convert_float_to_float16(onnx.load_from_string(content), keep_io_types=True))
    model.topological_sort()  # the casts of the inputs come last, which onnx's checker refuses (onnxruntime 1.32.0)
    made: bytes = model.model.SerializeToString()
    return made


class _Latents:
    """The model's own inputs in small batches, for onnxruntime's calibration."""

    def __init__(self, graph: Graph) -> None:
        self._batches = self._made(graph)

    @staticmethod
    def _made(graph: Graph) -> Iterator[dict[str, np.ndarray]]:
        for seed in range(CALIBRATION // CALIBRATION_BATCH):
            examples = graph.examples(CALIBRATION_BATCH, seed=1000 + seed)
            yield {name: value.numpy() for name, value in examples.items()}

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self._batches, None)


@contextmanager
def _quiet() -> Iterator[None]:
    """Silences the quantiser's warnings about vectors, which have no channels; it logs them to the root logger."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        root.setLevel(level)


def _eight_bits(graph: Graph, content: bytes) -> bytes:
    tools: Any = importlib.import_module("onnxruntime.quantization")
    shapes: Any = importlib.import_module("onnxruntime.quantization.shape_inference")
    with tempfile.TemporaryDirectory() as folder, _quiet():
        plain, ready, made = (Path(folder) / name for name in ("plain.onnx", "ready.onnx", "int8.onnx"))
        plain.write_bytes(content)
        shapes.quant_pre_process(plain, ready, skip_symbolic_shape=True)
        tools.quantize_static(
            ready, made, _Latents(graph), quant_format=tools.QuantFormat.QDQ, per_channel=True,
            activation_type=tools.QuantType.QUInt8, weight_type=tools.QuantType.QInt8,
        )  # fmt: skip
        return made.read_bytes()
