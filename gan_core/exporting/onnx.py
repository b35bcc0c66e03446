"""Exports to ONNX files, checked against PyTorch at every export.

    made = export(sampler, Path("avatars.onnx"))
    made.difference                                       # the largest at three batch sizes, 1e-4 at most

The model is a single file, with named inputs and a free batch axis; its metadata holds the model's card, licence and
recipe, and the difference. Needs the packages of the extra `export`: onnx, onnxscript, onnxruntime.
"""

from __future__ import annotations

import importlib
import inspect
import json
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gan_core.disk import replacing
from gan_core.errors import ExportError
from gan_core.exporting.graphs import HEIGHT, WIDTH, EightBits, Graph
from gan_core.exporting.precision import Fidelity, reduced
from gan_core.exporting.runtime import open_session, reason, require_packages
from gan_core.version import __version__

OPSET = 20
CLOSE = 1e-4  # the largest difference allowed for values in [-1, 1]; for 8-bit pictures it is one level


@dataclass(frozen=True)
class Exported:
    """The result of an export."""

    path: Path
    bytes: int
    difference: float  # from PyTorch, in single precision: the largest over all outputs for graph.checks()
    fidelity: Fidelity  # to single precision, for other precisions
    inputs: Mapping[str, str]  # name -> type and shape, with the names of free axes
    outputs: Mapping[str, str]


def export(graph: Graph, path: Path, facts: Mapping[str, str], precision: str = "fp32") -> Exported:
    """Writes the graph as one ONNX file, all of it or nothing; `facts` go into its metadata.

    Raises ExportError if packages are missing, an operator can't be exported, the file's outputs differ from PyTorch's
    by more than CLOSE, or another precision loses too much; StoreError if the file can't be written.
    """
    require_packages()
    content = exported(graph)
    difference, found = check(graph, content), Fidelity()
    known = {**facts, **graph.notes, "difference": f"{difference:.3g}", "precision": precision}
    if precision != "fp32":
        content, found = reduced(graph, content, precision)
        measured = (("psnr", found.psnr, ".1f"), ("equal", found.equal, ".4f"))
        known |= {name: format(value, digits) for name, value, digits in measured if value is not None}
    model = _with_facts(content, known)
    with replacing(path) as partial:
        partial.write_bytes(model)
    session = open_session(model)
    return Exported(path, len(model), difference, found, _ports(session.get_inputs()), _ports(session.get_outputs()))


def exported(graph: Graph) -> bytes:
    """The serialised model with free axes; raises ExportError for an operator that can't be exported."""
    examples = graph.traced()
    with _quiet():
        try:
            program = torch.onnx.export(
                graph.module, tuple(examples.values()), dynamo=True, opset_version=OPSET,
                input_names=list(examples), output_names=list(graph.outputs), dynamic_shapes=free_axes(graph),
                external_data=False, verbose=False,
            )  # fmt: skip
        except Exception as error:  # of many types, with the cause innermost
            raise ExportError("This network can't be exported: {reason}", reason=reason(error)) from error
    assert program is not None
    content: bytes = program.model_proto.SerializeToString()
    return content


def free_axes(graph: Graph) -> Any:
    """The free axes of the inputs, in the form of `torch.export`: modules with `*inputs` take one tuple for all."""
    dims = {name: _dim(graph, name) for axes in graph.axes.values() for name in axes.values()}
    free = tuple({axis: dims[name] for axis, name in axes.items()} or None for axes in graph.axes.values())
    kinds = {one.kind for one in inspect.signature(graph.module.forward).parameters.values()}
    return (free,) if inspect.Parameter.VAR_POSITIONAL in kinds else free


def _dim(graph: Graph, name: str) -> Any:
    """A free length; the side of pictures is a multiple of the network's step."""
    if name not in (HEIGHT, WIDTH) or not graph.sizes:
        return torch.export.Dim(name, min=1, max=2**16)
    sizes = graph.sizes
    return sizes.multiple * torch.export.Dim(name, min=sizes.least, max=2**16 // sizes.multiple)


@contextmanager
def _quiet() -> Iterator[None]:
    """Silences the exporter's warnings, which concern its internals."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def check(graph: Graph, content: bytes) -> float:
    """The largest difference between the file's outputs and PyTorch's; raises ExportError if it is too large."""
    session = open_session(content)
    found = []
    for inputs in graph.checks():
        count = max(map(len, (one for one in inputs.values() if one.ndim)))
        with torch.no_grad():
            wanted = graph.module(*inputs.values())
        try:
            given = session.run(None, {name: value.numpy() for name, value in inputs.items()})
        except Exception as error:  # onnxruntime's exceptions have no common base
            raise ExportError(
                "The exported network doesn't run for {count} items: {reason}", count=count, reason=reason(error)
            ) from error
        found.append(furthest(listed(wanted), map(torch.from_numpy, given)))
    most = float(np.max(found))
    require_close(most, limit_of(graph))
    return most


def furthest(some: Iterable[Tensor], others: Iterable[Tensor]) -> float:
    """The largest difference between two lists of outputs; NaN if an output is NaN, which Python's `max` could lose."""
    pairs = ((one.double(), other.double()) for one, other in zip(some, others, strict=True))
    apart = [torch.where(one == other, 0.0, (one - other).abs()).max() for one, other in pairs]
    return float(torch.stack(apart).max())


def limit_of(graph: Graph) -> float:
    """The largest difference that an export may have: one level of 8-bit pictures, else CLOSE."""
    return 1.0 if isinstance(graph.module, EightBits) else CLOSE


def require_close(most: float, limit: float) -> None:
    """Raises ExportError for a larger difference."""
    if not most <= limit:
        raise ExportError(
            "The exported network differs from PyTorch's by up to {most:.2g}, more than {limit:g}, so nothing was "
            "written.",
            most=most, limit=limit,
        )  # fmt: skip


def listed(outputs: Any) -> list[Tensor]:
    return [outputs] if isinstance(outputs, Tensor) else list(outputs)


def _with_facts(content: bytes, facts: Mapping[str, str]) -> bytes:
    onnx: Any = importlib.import_module("onnx")
    model = onnx.load_from_string(content)
    model.producer_name, model.producer_version = "GANscope", __version__
    del model.metadata_props[:]
    for name, value in facts.items():
        model.metadata_props.add(key=name, value=value)
    onnx.checker.check_model(model)
    written: bytes = model.SerializeToString()
    return written


def metadata(path: Path) -> dict[str, str]:
    """The facts in a file's metadata; raises ExportError for a file that GANscope didn't write."""
    facts = dict(open_session(path).get_modelmeta().custom_metadata_map)
    if "ganscope" not in facts:
        raise ExportError("{path} wasn't exported by GANscope.", path=path)
    return facts


def _ports(ports: Any) -> dict[str, str]:
    return {port.name: f"{port.type.removeprefix('tensor(').rstrip(')')} {json.dumps(port.shape)}" for port in ports}
