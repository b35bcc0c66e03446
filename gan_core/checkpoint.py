"""Checkpoints as one safetensors file: tensors by path, everything else as JSON in the header; no pickle.

A file is written under another name, flushed to the disk and renamed, so that a crash or a full disk leaves the
previous checkpoint as it was.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from gan_core.data.base import DataSpec
from gan_core.errors import BadCheckpoint
from gan_core.files import check_whole, write_atomically
from gan_core.fitting import check_finite, check_fit

FORMAT = "ganscope.checkpoint.1"
TENSOR = "__tensor__"
LEARNT = ("/networks/", "/average/")  # prefixes of the names of learnt weights


def pack(state: Any, prefix: str, tensors: dict[str, Tensor]) -> Any:
    """Moves the tensors of a nested state into `tensors`; returns the rest, with tensors replaced by their names."""
    if isinstance(state, Tensor):
        tensors[prefix] = state.detach().contiguous()
        return {TENSOR: prefix}
    if isinstance(state, Mapping):
        # optimiser states have integer keys, which JSON lacks
        return {_key(key): pack(value, f"{prefix}/{_key(key)}", tensors) for key, value in state.items()}
    if isinstance(state, (list, tuple)):
        return [pack(value, f"{prefix}/{place}", tensors) for place, value in enumerate(state)]
    return state


def _key(key: Any) -> str:
    return f"#{key}" if isinstance(key, int) else str(key)


def unpack(rest: Any, tensors: Mapping[str, Tensor]) -> Any:
    """The inverse of `pack`."""
    if isinstance(rest, dict):
        if TENSOR in rest:
            return tensors[rest[TENSOR]]
        return {int(key[1:]) if key.startswith("#") else key: unpack(value, tensors) for key, value in rest.items()}
    if isinstance(rest, list):
        return [unpack(value, tensors) for value in rest]
    return rest


def write_checkpoint(path: Path, state: Mapping[str, Any]) -> tuple[str, int]:
    """Writes a state; returns the file's sha256 and size in bytes. Raises OSError if it can't be written."""
    tensors: dict[str, Tensor] = {}
    rest = pack(state, "", tensors)
    content = save(
        # shared memory can't be stored twice: every tensor is its own copy
        {name: tensor.cpu().clone() for name, tensor in tensors.items()},
        metadata={"format": FORMAT, "state": json.dumps(rest)},
    )
    write_atomically(path, content)
    return hashlib.sha256(content).hexdigest(), len(content)


def read_checkpoint(path: Path, sha256: str = "") -> dict[str, Any]:
    """Reads a state; raises BadCheckpoint if the file is missing, truncated, altered or foreign, or its weights aren't
    finite.
    """
    check_whole(path, sha256)
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  not a mapping
    except (SafetensorError, OSError) as error:
        raise BadCheckpoint(
            "{name} is not a GANscope checkpoint: {reason}. Only GANscope's own .safetensors files are accepted, "
            "never pickles.",
            name=path.name,
            reason=error,
        ) from error
    if metadata.get("format") != FORMAT:
        raise BadCheckpoint(
            "{name} has the format '{format}'. Valid: {valid}.",
            name=path.name,
            format=metadata.get("format", "unknown"),
            valid=FORMAT,
        )
    for part in LEARNT:
        learnt = {name.removeprefix(part): tensor for name, tensor in tensors.items() if name.startswith(part)}
        check_finite({name.replace("/", "."): tensor for name, tensor in learnt.items()}, path.name)
    state: dict[str, Any] = unpack(json.loads(metadata["state"]), tensors)
    return state


def load_state(trainer: Any, state: Mapping[str, Any]) -> None:
    """Loads a state into a trainer; raises BadCheckpoint, and changes nothing, if it belongs to other networks."""
    classes = trainer.recipe.labelled
    specs = [DataSpec.from_state(state["spec"]), trainer.spec] if "spec" in state else [None, None]
    saved, wanted = (spec if spec is None or classes else replace(spec, classes=0) for spec in specs)
    for part, networks in (("networks", trainer.networks), ("average", trainer.ema.networks)):
        for name, network in networks.items():
            check_fit(network, state.get(part, {}).get(name, {}), name, saved, wanted)
    before = {name: {k: v.clone() for k, v in net.state_dict().items()} for name, net in trainer.networks.items()}
    try:
        trainer.load_state_dict(state)
    except (RuntimeError, KeyError, ValueError) as error:
        for name, weights in before.items():
            trainer.networks[name].load_state_dict(weights)
        raise BadCheckpoint(
            "The weights of this checkpoint fit, but the rest can't be used ({reason}).",
            reason=" ".join(str(error).split()),
        ) from error


def checkpoint_name(step: int) -> str:
    return f"step-{step:09d}.safetensors"


def fingerprint(network: nn.Module) -> str:
    """sha256 of a network's learnt weights in order: the same for a run, its checkpoint and its model on the shelf."""
    digest = hashlib.sha256()
    for name, weight in network.named_parameters():
        digest.update(name.encode())
        digest.update(weight.detach().float().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def same_state(one: Any, other: Any) -> bool:
    """Whether two nested states are equal bit for bit."""
    if isinstance(one, Tensor):
        return torch.equal(one, other)
    if isinstance(one, Mapping):
        return one.keys() == other.keys() and all(same_state(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(same_state(a, b) for a, b in zip(one, other, strict=True))
    return bool(one == other)
