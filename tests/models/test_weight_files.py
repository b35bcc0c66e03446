"""Files from elsewhere are read however they are wrapped; errors name the cause: the type, the layer, the count."""

from __future__ import annotations

import argparse
import collections
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from gan_core.errors import BadCheckpoint
from gan_core.models.weight_files import read_weights
from gan_core.shelf.importing import import_generators
from tests.models.test_foreign import resnet

STATE: dict[str, Tensor] = resnet(4, 2).state_dict()


def named(before: str, state: Mapping[str, Tensor] = STATE) -> dict[str, Tensor]:
    return {f"{before}{name}": tensor for name, tensor in state.items()}


def averaged() -> dict[str, Tensor]:
    """As PyTorch's own AveragedModel saves it."""
    return torch.optim.swa_utils.AveragedModel(resnet(4, 2)).state_dict()


def compiled() -> dict[str, Tensor]:
    return torch.compile(resnet(4, 2)).state_dict()


class Settings:
    """A class that no reader of the file knows."""

    def __init__(self) -> None:
        self.rate = 2e-4


OTHER = named("", resnet(8, 2).state_dict())
WRAPPED: dict[str, Callable[[], Any]] = {
    "bare": lambda: STATE,
    "DataParallel": lambda: nn.DataParallel(resnet(4, 2)).state_dict(),
    "torch.compile": compiled,
    "both": lambda: named("module._orig_mod."),
    "the other way round": lambda: named("_orig_mod.module."),
    "a compiled layer": lambda: {name.replace("model.", "model._orig_mod.", 1): t for name, t in STATE.items()},
    "AveragedModel": averaged,
    "state_dict": lambda: {"state_dict": STATE, "epoch": 3},
    "state_dict of a wrapped network": lambda: {"state_dict": named("module._orig_mod."), "epoch": 3},
    "model in state_dict": lambda: {"model": {"state_dict": STATE}},
    "the averaged one of two": lambda: {"params": OTHER, "params_ema": STATE},
    "with the optimiser": lambda: {"net": STATE, "optimizer": {"state": {0: {"exp_avg": torch.ones(2)}}}, "ema": {}},
    "Lightning": lambda: {"state_dict": named("netD.", OTHER) | named("netG."), "pytorch-lightning_version": "2.0"},
    "rosinality": lambda: {
        "g": OTHER, "d": OTHER, "g_ema": STATE, "g_optim": {"state": {}, "param_groups": []},
        "args": argparse.Namespace(size=256, path=Path("lmdb"), mixing=0.9), "ada_aug_p": np.float64(0.25),
    },
    "NumPy numbers": lambda: {
        "state_dict": STATE, "fid": np.float32(3.5), "step": np.int64(4), "best": np.bool_(True), "curve": np.ones(3),
        "order": np.random.default_rng(0),
    },
    "objects": lambda: {"state_dict": STATE, "opt": Settings(), "losses": collections.defaultdict(list, a=[1.0])},
}  # fmt: skip


@pytest.mark.parametrize("name", WRAPPED)
@pytest.mark.parametrize("new", [True, False], ids=["zip", "before 1.6"])
def test_a_wrapped_state_dict_is_found(name: str, new: bool, tmp_path: Path) -> None:
    path = tmp_path / "net.pth"
    torch.save(WRAPPED[name](), path, _use_new_zipfile_serialization=new)
    found = read_weights(path)
    assert list(found) == list(STATE)
    assert [tensor.shape for tensor in found.values()] == [tensor.shape for tensor in STATE.values()]


@pytest.mark.parametrize(
    "weights",
    [named("params_ema."), named("params.", OTHER) | named("params_ema."), named("module."), named("_orig_mod.")],
    ids=["params_ema", "both", "module", "compiled"],
)
def test_prefixes_in_safetensors(weights: dict[str, Tensor], tmp_path: Path) -> None:
    save_file(weights, tmp_path / "net.safetensors")
    assert {name: tensor.shape for name, tensor in read_weights(tmp_path / "net.safetensors").items()} == {
        name: tensor.shape for name, tensor in STATE.items()
    }


class Touching:
    def __reduce__(self) -> tuple[Any, ...]:
        return Path("touched").touch, ()


class Evaluating:
    def __reduce__(self) -> tuple[Any, ...]:
        return eval, ("open('touched', 'w').close()",)


@pytest.mark.parametrize("object_", [Touching(), Evaluating()])
@pytest.mark.parametrize("new", [True, False])
def test_nothing_but_the_tensors_is_loaded(
    object_: object, new: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": STATE, "opt": object_}, "net.pth", _use_new_zipfile_serialization=new)
    if isinstance(object_, Evaluating):
        assert list(read_weights(Path("net.pth"))) == list(STATE)
    else:  # calls that aren't made return nothing that could be called in turn
        with pytest.raises(BadCheckpoint, match="it holds getattr, which isn't supported"):
            read_weights(Path("net.pth"))
    assert not Path("touched").exists()


def test_files_without_weights_are_reported(tmp_path: Path) -> None:
    path = tmp_path / "net.pth"
    torch.save(nn.Conv2d(1, 1, 1), path)
    with pytest.raises(BadCheckpoint, match=r"an object of type torch\.nn\.modules\.conv\.Conv2d.*state_dict"):
        read_weights(path)
    torch.save({"settings": Settings()}, path)
    with pytest.raises(BadCheckpoint, match=r"It holds: settings \(tests\.models\.test_weight_files\.Settings\)"):
        read_weights(path)
    torch.save({"netG_A": STATE, "netG_B": STATE}, path)
    with pytest.raises(BadCheckpoint, match=r"It holds: netG_A \(collections\.OrderedDict\), netG_B"):
        read_weights(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated, and still found in the wild
        torch.jit.save(torch.jit.script(nn.Conv2d(1, 1, 1)), path)
    with pytest.raises(BadCheckpoint, match="TorchScript"):
        read_weights(path)


def test_keras_is_refused_with_the_reason(tmp_path: Path, home: Path) -> None:
    (tmp_path / "net.keras").write_bytes(b"PK")
    with pytest.raises(BadCheckpoint, match=r"Keras file.*ganscope import FILE"):
        import_generators([tmp_path / "net.keras"], "x", size=32)
    turned = {name: t.permute(2, 3, 1, 0).contiguous() if t.ndim == 4 else t for name, t in STATE.items()}
    save_file(turned, tmp_path / "net.safetensors")
    with pytest.raises(BadCheckpoint, match="Keras's kernel layout"):
        import_generators([tmp_path / "net.safetensors"], "x", size=32)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("kind", [torch.float32, torch.float16, torch.bfloat16, torch.float64])
def test_weights_that_are_not_finite_are_refused_by_layer_and_count(
    value: float, kind: torch.dtype, tmp_path: Path, home: Path
) -> None:
    state = {name: tensor.clone().to(kind) for name, tensor in STATE.items()}
    state["model.4.weight"][0, 0] = value  # 9 of 4 * 8 * 9 values
    state["model.7.bias"][3] = value
    torch.save({"params": state}, tmp_path / "net.pth")
    with pytest.raises(
        BadCheckpoint, match=r"in net\.pth are corrupt: 9 of 288 values of model\.4\.weight .* Affected layers: 2 of"
    ):
        import_generators([tmp_path / "net.pth"], "x", size=32)
    assert not (home / "models").exists()


def test_large_weights_are_finite(tmp_path: Path) -> None:
    torch.save({"model.1.weight": torch.full((4, 4), 3e38)}, tmp_path / "net.pth")
    assert float(read_weights(tmp_path / "net.pth")["model.1.weight"][0, 0]) > 1e38
