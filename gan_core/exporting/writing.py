"""Exports a model of the shelf or a run in one of three forms.

export_model("stylegan2.avatars", Path("avatars.onnx"))
export_model("stylegan2.avatars", Path("avatars.pt2"))          a `torch.export` program
export_model("stylegan2.avatars", Path("avatars.py"))           plain code, with avatars.safetensors beside it
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gan_core.disk import check_output, replacing
from gan_core.errors import BadValue, ExportError
from gan_core.exporting import code, onnx
from gan_core.exporting.graphs import Graph, eight_bits, free_size, graph_of, noise_as_inputs
from gan_core.exporting.runtime import reason, require_packages
from gan_core.exporting.wanted import PRECISIONS, Wanted, Written
from gan_core.knobs import to_dict
from gan_core.models import listing, loading
from gan_core.models.card import Card
from gan_core.models.discriminators import discriminator_beside, discriminator_of
from gan_core.models.sampler import Sampler
from gan_core.runs.store import RunStore
from gan_core.version import __version__

KINDS = {".onnx": "ONNX", ".pt2": "program", ".py": "code"}  # by a file's ending


def export_model(name: str, path: Path, wanted: Wanted | None = None, store: RunStore | None = None) -> Written:
    """Exports a model by name, folder or address on the Hub; with `store`, the newest checkpoint of a run by its id.

    The file's ending chooses the form. Raises BadValue for an invalid ending, part, direction or precision,
    UnknownName, BadCheckpoint, StoreError, and ExportError if the network can't be exported or the export differs from
    PyTorch.
    """
    wanted = wanted or Wanted()
    check_output(path, KINDS)
    kind = KINDS[path.suffix.lower()]
    if wanted.precision not in PRECISIONS:
        raise BadValue(
            "Unknown precision '{precision}'. Valid: {valid}.",
            precision=wanted.precision, valid=", ".join(PRECISIONS),
        )  # fmt: skip
    if kind != "ONNX" and wanted.precision != "fp32":
        raise BadValue("Only .onnx files can have another precision, not {file}.", file=path.name)
    if kind == "ONNX":
        require_packages()
    sampler = loading.from_run(store, name) if store else loading.load(name)
    facts = _facts(sampler, name, None if store else listing.card(name), store)
    if kind == "code":
        return _as_code(sampler, path, wanted, facts)
    discriminator = None
    if wanted.part == "discriminator":
        discriminator = discriminator_beside(sampler) if store else discriminator_of(name)
    graph = graph_of(sampler, wanted.part, wanted.direction, discriminator)
    graph = noise_as_inputs(graph, sampler) if wanted.noise_inputs else graph
    graph = free_size(graph) if wanted.free_size else graph
    graph = eight_bits(graph) if wanted.uint8 else graph
    if kind == "program":
        return _as_program(graph, path, facts)
    made = onnx.export(graph, path, facts, wanted.precision)
    found = made.fidelity
    return Written((path,), made.bytes, made.difference, found.psnr, made.inputs, made.outputs, found.equal)


def _facts(sampler: Sampler, name: str, card: Card | None, store: RunStore | None) -> dict[str, str]:
    """The facts stored in the file."""
    facts: dict[str, Any] = {
        "ganscope": __version__, "name": name, "recipe": sampler.recipe.name, "paper": sampler.recipe.paper,
        "hparams": to_dict(sampler.hparams), "classes": list(sampler.spec.class_names), "opset": onnx.OPSET,
        "pictures": "float32 (B, C, H, W) in [-1, 1], or uint8 (B, H, W, C)",
    }  # fmt: skip
    facts |= {"vocabulary": list(sampler.spec.vocabulary)} if sampler.spec.vocabulary else {}
    facts |= {"rate": sampler.spec.rate} if sampler.spec.rate else {}
    if card is not None:
        facts |= {"name": card.name, "title": card.title, "licence": card.licence, "origin": card.origin,
                  "limits": card.limits, "data": card.data, "sha256": card.sha256, "card": asdict(card)}  # fmt: skip
    elif store is not None and sampler.checkpoint is not None:
        run = store.get(name)
        facts |= {"title": run.name or run.id, "data": run.spec.data, "step": sampler.checkpoint.step}
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in facts.items()}


def _as_code(sampler: Sampler, path: Path, wanted: Wanted, facts: Mapping[str, str]) -> Written:
    if wanted != Wanted():
        raise BadValue("Code can only be written for the whole model: leave out all other options.")
    if not path.stem.isidentifier():
        raise BadValue("'{name}' can't be imported by Python. Name the file in letters, digits and _, such as "
                       "avatars.py.", name=path.stem)  # fmt: skip
    files, difference = code.write(sampler, path, facts["title"], facts.get("licence", "yours"))
    return Written(files, sum(one.stat().st_size for one in files), difference, None, {}, {})


def _as_program(graph: Graph, path: Path, facts: Mapping[str, str]) -> Written:
    """A `torch.export` program with free axes; its outputs are compared like those of ONNX files."""
    if graph.sizes and graph.sizes.multiple > graph.sizes.smallest // 2:
        raise BadValue(
            "The torch.export program of this network can't take other sizes: its smallest pictures shrink to a single "
            "pixel inside the network, which torch.export treats as a constant. Write a .onnx file instead."
        )
    examples = graph.traced()
    try:
        program = torch.export.export(graph.module, tuple(examples.values()), dynamic_shapes=onnx.free_axes(graph))
    except Exception as error:  # of many types, with the cause innermost
        raise ExportError("This network can't be exported: {reason}", reason=reason(error)) from error
    loaded = program.module()
    found: list[float] = []
    for inputs in (list(one.values()) for one in graph.checks()):
        with torch.no_grad():
            found.append(onnx.furthest(onnx.listed(graph.module(*inputs)), onnx.listed(loaded(*inputs))))
    most = float(np.max(found))
    onnx.require_close(most, onnx.limit_of(graph))
    with replacing(path) as partial:
        torch.export.save(program, partial, extra_files={"facts.json": json.dumps(dict(facts))})
    shapes = {name: f"{value.dtype} {list(value.shape)}".replace("torch.", "") for name, value in examples.items()}
    return Written((path,), path.stat().st_size, most, None, shapes, dict.fromkeys(graph.outputs, ""))
