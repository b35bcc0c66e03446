"""Reads weight files from other projects, `.pth` and `.safetensors`, however they are wrapped. No code in a file is
executed.

A state dict may lie in a table (`{"state_dict": ...}`, `{"params_ema": ...}`, StyleGAN's `{"g": ..., "g_ema": ...}`)
and its names may have prefixes of wrappers (`module.` of DataParallel, `_orig_mod.` of torch.compile) or of the
network's name (`params_ema.`, `netG.`). Averaged weights are preferred if there are both. Other objects in the file,
such as argparse's Namespace or NumPy's numbers, are read as inert placeholders of the same name.
"""

from __future__ import annotations

import os
import re
import threading
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from torch.serialization import get_unsafe_globals_in_checkpoint, safe_globals

from gan_core.errors import BadCheckpoint
from gan_core.fitting import check_finite

KERAS = (".keras", ".h5", ".hdf5")
# names of a generator in files, as a table or as a prefix, in order of preference
CALLED = (
    "params_ema", "params-ema", "g_ema", "netG_ema", "generator_ema", "ema_model", "model_ema", "ema", "state_dict",
    "model_state_dict", "generator", "netG", "G", "g", "params", "weights", "net", "model",
)  # fmt: skip
WITHIN = re.compile(r"\b(_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\.")
AROUND = "module."  # of DataParallel and of AveragedModel
COUNTERS = ("n_averaged",)  # beside the names of AveragedModel
DEEPEST = 4  # tables around a state dict
MOST_TYPES = 64  # unknown ones in a file
_UNKNOWN = re.compile(r"GLOBAL (\S+) ")  # in PyTorch's refusal of a type
_NAMED = re.compile(r"GLOBAL (\S+) |<class '([\w.]+)'>|<([\w.]+) object")
_reading = threading.Lock()  # the types that PyTorch may read are a setting of the whole process


class StandIn:
    """Placeholder for any object besides tensors: it accepts everything, keeps nothing and does nothing."""

    def __new__(cls, *arguments: Any, **named: Any) -> StandIn:
        return object.__new__(cls)

    def __init__(self, *arguments: Any, **named: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        pass


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of one network by their names without prefixes. Raises BadCheckpoint, also for non-finite values."""
    weights = weights_in(read_state(path), path.name)
    check_finite(weights, path.name)
    return weights


def read_state(path: Path) -> Mapping[str, Any]:
    """The content of a file: tensors, tables of tensors, and placeholders for everything else. Raises BadCheckpoint."""
    if path.suffix.lower() in KERAS:
        raise BadCheckpoint(
            "{file} is a Keras file. Of these, only generators that draw from latents can be imported, one at a time: "
            "`ganscope import FILE --name NAME`",
            file=path.name,
        )
    if not os.path.isfile(path):
        raise BadCheckpoint("{file} can't be read as weights: the file doesn't exist.", file=path)
    try:
        found = load_file(path) if path.suffix.lower() == ".safetensors" else _unpickled(path)
    except (OSError, SafetensorError, RuntimeError, ValueError, EOFError, KeyError) as error:
        reason = " ".join(str(error).split())
        if "torchscript" in reason.lower():
            raise BadCheckpoint(
                "{file} can't be read as weights: it is a TorchScript program. Save the network's state_dict() "
                "instead.",
                file=path.name,
            ) from error
        raise BadCheckpoint(
            "{file} can't be read as weights: it is truncated, or not a PyTorch or safetensors file ({reason}).",
            file=path.name, reason=reason[:200] or type(error).__name__,
        ) from error  # fmt: skip
    except Exception as error:  # pickle.UnpicklingError, whose message advises to execute the file
        if named := _NAMED.search(str(error)):
            raise BadCheckpoint(
                "{file} can't be read as weights: it holds {type}, which isn't supported. Save only the network's "
                "state_dict().",
                file=path.name, type=next(filter(None, named.groups())),
            ) from error  # fmt: skip
        raise BadCheckpoint(
            "{file} can't be read as weights: it holds more than tensors, or is not a PyTorch file.", file=path.name
        ) from error
    if not isinstance(found, Mapping):
        raise BadCheckpoint(
            "{file} can't be read as weights: it holds an object of type {type}. Save the network's state_dict() "
            "instead.",
            file=path.name, type=_type_of(found),
        )  # fmt: skip
    return found


def _unpickled(path: Path) -> Any:
    unknown = list(get_unsafe_globals_in_checkpoint(path)) if zipfile.is_zipfile(path) else []
    while True:
        stand_ins: list[Any] = [(_stand_in(name), name) for name in unknown]
        try:
            with _reading, safe_globals(stand_ins):
                return torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:
            # for files from before PyTorch 1.6, one unknown type is reported at a time
            further = _UNKNOWN.search(str(error))
            if not further or {further[1], f"builtins.{further[1]}"} & {*unknown} or len(unknown) >= MOST_TYPES:
                raise
            unknown.append(further[1] if "." in further[1] else f"builtins.{further[1]}")


def _stand_in(name: str) -> Any:
    """A placeholder for the type of that name in the file."""
    if name == "collections.defaultdict":
        return _dictionary
    module, _, kind = name.rpartition(".")
    return type(kind, (StandIn,), {"__module__": module})


def _dictionary(*arguments: Any) -> dict[Any, Any]:
    return {}


def _type_of(value: Any) -> str:
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def weights_in(found: Mapping[str, Any], file: str) -> dict[str, Tensor]:
    """The state dict of one network in a file's content; raises BadCheckpoint if there is none."""
    table = found
    for _ in range(DEEPEST):
        if (inner := _inner(table)) is None:
            break
        table = inner
    weights = {name: value for name, value in table.items() if isinstance(value, Tensor)}
    if not weights or not all(isinstance(name, str) and _dense(tensor) for name, tensor in weights.items()):
        held = ", ".join(_described(table)) or "-"
        raise BadCheckpoint(
            "{file} doesn't hold the state dict of one network. It holds: {held}.", file=file, held=held
        )
    return plain_names(weights)


def _inner(table: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The table within that holds a generator's weights, or the only one."""
    tables = {name: value for name, value in table.items() if _holds_tensors(value)}
    if any(isinstance(value, Tensor) for value in table.values()):
        return None
    named = [tables[name] for name in CALLED if name in tables]
    return named[0] if named else next(iter(tables.values())) if len(tables) == 1 else None


def _holds_tensors(value: Any) -> bool:
    inside = value.values() if isinstance(value, Mapping) else ()
    return any(isinstance(one, Tensor) or _holds_tensors(one) for one in inside)


def _dense(tensor: Tensor) -> bool:
    return tensor.layout == torch.strided


def _described(table: Mapping[str, Any]) -> Iterator[str]:
    for name, value in list(table.items())[:8]:
        yield f"{name} ({_type_of(value)})"


def plain_names(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors without prefixes of wrappers or of the network; other networks are left out."""
    plain = {name: tensor for name, tensor in weights.items() if name not in COUNTERS}
    for _ in range(DEEPEST):
        before = len(plain), next(iter(plain), "")
        plain = _renamed(plain, {name: WITHIN.sub("", name) for name in plain})
        if all(name.startswith(AROUND) for name in plain):
            plain = _renamed(plain, {name: name.removeprefix(AROUND) for name in plain})
        for called in CALLED[:-1]:  # `model.` is also a prefix of the layers in many networks
            own = {name: name.removeprefix(f"{called}.") for name in plain if name.startswith(f"{called}.")}
            if own:
                plain = _renamed(plain, own)
                break
        if before == (len(plain), next(iter(plain), "")):
            break
    return plain


def _renamed(weights: Mapping[str, Tensor], names: Mapping[str, str]) -> dict[str, Tensor]:
    """The items that get a new name, by that name."""
    return {new: weights[old] for old, new in names.items()}
