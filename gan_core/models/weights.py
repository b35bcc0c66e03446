"""Exports the averaged (EMA) networks of a run, as safetensors with metadata in the header."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from gan_core.checkpoint import FORMAT as CHECKPOINT
from gan_core.checkpoint import read_checkpoint
from gan_core.data.catalogue import is_own
from gan_core.errors import BadCheckpoint
from gan_core.fitting import check_finite
from gan_core.knobs import to_dict
from gan_core.models import loading
from gan_core.models.sampler import Sampler
from gan_core.runs.store import RunStore
from gan_core.version import __version__

FORMAT = "ganscope.weights.1"


def averaged_weights(store: RunStore, run_id: str) -> bytes:
    """The networks that generate samples, from the newest checkpoint: tensors `NETWORK.PARAMETER`.

    The header's metadata describe how to build them again. Raises UnknownName or BadCheckpoint.
    """
    run = store.get(run_id)
    sampler = loading.from_run(store, run_id)
    assert sampler.checkpoint is not None
    tensors = {
        f"{name}.{parameter}": value.detach().contiguous().clone()
        for name, network in sampler.networks.items()
        for parameter, value in network.state_dict().items()
    }
    card = {
        "format": FORMAT,
        "ganscope": __version__,
        "recipe": run.spec.recipe,
        "data": "your own" if is_own(run.spec.data) else run.spec.data,
        "step": str(sampler.checkpoint.step),
        "hparams": json.dumps(to_dict(sampler.hparams)),
        "spec": json.dumps(sampler.spec.to_state()),
    }
    return save(tensors, metadata=card)


def read_weights(path: Path) -> Sampler:
    """The averaged networks of an exported file or of a checkpoint; raises BadCheckpoint."""
    if not os.path.isfile(path):
        raise BadCheckpoint("The weights file {path} doesn't exist.", path=path)
    try:
        with safe_open(path, framework="pt") as file:
            card = file.metadata() or {}
            if card.get("format") == FORMAT:
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  not a mapping
                check_finite(tensors, path.name)
                averaged: dict[str, dict[str, Tensor]] = {}
                for name, tensor in tensors.items():
                    network, _, parameter = name.partition(".")
                    averaged.setdefault(network, {})[parameter] = tensor
                state = {"hparams": json.loads(card["hparams"]), "spec": _spec(card), "average": averaged}
                return loading.from_state(card["recipe"], state)
        state = read_checkpoint(path)
        return loading.from_state(state["recipe"], state)
    except (SafetensorError, OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadCheckpoint(
            "{name} can't be used: {reason}. Valid: exported weights ({weights}) and checkpoints ({checkpoint}).",
            name=path.name, reason=" ".join(str(error).split()), weights=FORMAT, checkpoint=CHECKPOINT,
        ) from error  # fmt: skip


def _spec(card: Mapping[str, str]) -> dict[str, Any]:
    """The state of the data's spec; older files have three parts of it."""
    if "spec" in card:
        found: dict[str, Any] = json.loads(card["spec"])
        return found
    fields, attributes = json.loads(card["fields"]), json.loads(card.get("attributes", "{}"))
    return {"fields": fields, "classes": int(card["classes"]), "attributes": attributes}
