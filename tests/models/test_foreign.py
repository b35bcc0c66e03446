"""Weights of junyanz/pytorch-CycleGAN-and-pix2pix, in our networks.

Against networks of its layout that are rewritten here; against the output of its own code, recorded in
golden_foreign.json; and against that code itself, where `pytest --peer CHECKOUT` names one.
"""

from __future__ import annotations

import importlib.util
import json
import pickle
import random
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from gan_core.errors import BadCheckpoint
from gan_core.layers.translation import BLURS, PatchDiscriminator, ResnetGenerator, UnetGenerator
from gan_core.models.foreign import Kind, kind_of, load_foreign
from gan_core.models.weight_files import read_weights


class Block(nn.Module):
    """Their ResnetBlock: reflection padding, instance norm."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(
            nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3), nn.InstanceNorm2d(width), nn.ReLU(True),
            nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3), nn.InstanceNorm2d(width),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv_block(x)


class Model(nn.Module):
    """Anything whose layers are in `model`."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.model = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)


def resnet(channels: int, blocks: int) -> Model:
    layers: list[nn.Module] = [
        nn.ReflectionPad2d(3),
        nn.Conv2d(3, channels, 7),
        nn.InstanceNorm2d(channels),
        nn.ReLU(True),
    ]
    for width in (channels, 2 * channels):
        layers += [nn.Conv2d(width, 2 * width, 3, 2, 1), nn.InstanceNorm2d(2 * width), nn.ReLU(True)]
    layers += [Block(4 * channels) for _ in range(blocks)]
    for width in (4 * channels, 2 * channels):
        layers.append(nn.ConvTranspose2d(width, width // 2, 3, 2, 1, output_padding=1))
        layers += [nn.InstanceNorm2d(width // 2), nn.ReLU(True)]
    return Model(*layers, nn.ReflectionPad2d(3), nn.Conv2d(channels, 3, 7), nn.Tanh())


class Filtered(nn.Module):
    """A filter for each channel, kept as CUT's own layers keep theirs; here pixels and taps are added one by one."""

    def __init__(self, channels: int, side: int) -> None:
        super().__init__()
        taps = {3: [1, 2, 1], 4: [1, 3, 3, 1]}[side]
        row = torch.tensor(taps, dtype=torch.float64)
        self.taps, filt = side, torch.outer(row, row) / row.sum() ** 2
        self.register_buffer("filt", (filt * (4 if side == 4 else 1)).float().repeat(channels, 1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return (self.halved if self.taps == 3 else self.doubled)(x)

    def halved(self, x: Tensor) -> Tensor:
        """Each second pixel is the mean of its neighbours, which are mirrored at the border."""
        height, width = x.shape[2:]
        made = torch.zeros(*x.shape[:2], height // 2, width // 2)
        for row in range(height // 2):
            for column in range(width // 2):
                for i in range(3):
                    for j in range(3):
                        y, z = abs(2 * row + i - 1), abs(2 * column + j - 1)
                        made[:, :, row, column] += self.filt[:, 0, i, j] * x[:, :, y, z]
        return made

    def doubled(self, x: Tensor) -> Tensor:
        """Each pixel is spread over 4 x 4 places around it, in steps of two; those at the border extend outwards."""
        height, width = x.shape[2:]
        made = torch.zeros(*x.shape[:2], 2 * height, 2 * width)
        for row in range(-1, height + 1):
            for column in range(-1, width + 1):
                pixel = x[:, :, min(max(row, 0), height - 1), min(max(column, 0), width - 1)]
                for i in range(4):
                    for j in range(4):
                        y, z = 2 * row - 1 + i, 2 * column - 1 + j
                        if 0 <= y < 2 * height and 0 <= z < 2 * width:
                            made[:, :, y, z] += self.filt[:, 0, i, j] * pixel
        return made


def blurred(channels: int, blocks: int, down: bool = True, up: bool = True) -> Model:
    """CUT's ResnetGenerator: `no_antialias` is not `down`, `no_antialias_up` not `up`."""
    layers: list[nn.Module] = [nn.ReflectionPad2d(3), nn.Conv2d(3, channels, 7), nn.InstanceNorm2d(channels), nn.ReLU()]
    for width in (channels, 2 * channels):
        layers += [nn.Conv2d(width, 2 * width, 3, 1 if down else 2, 1), nn.InstanceNorm2d(2 * width), nn.ReLU()]
        layers += [Filtered(2 * width, 3)] if down else []
    layers += [Block(4 * channels) for _ in range(blocks)]
    for width in (4 * channels, 2 * channels):
        if up:
            layers += [Filtered(width, 4), nn.Conv2d(width, width // 2, 3, 1, 1)]
        else:
            layers.append(nn.ConvTranspose2d(width, width // 2, 3, 2, 1, output_padding=1))
        layers += [nn.InstanceNorm2d(width // 2), nn.ReLU()]
    return Model(*layers, nn.ReflectionPad2d(3), nn.Conv2d(channels, 3, 7), nn.Tanh())


def patch(inputs: int, channels: int) -> Model:
    layers: list[nn.Module] = [nn.Conv2d(inputs, channels, 4, 2, 1), nn.LeakyReLU(0.2, True)]
    for width, stride in ((channels, 2), (2 * channels, 2), (4 * channels, 1)):
        layers += [nn.Conv2d(width, 2 * width, 4, stride, 1), nn.InstanceNorm2d(2 * width), nn.LeakyReLU(0.2, True)]
    return Model(*layers, nn.Conv2d(8 * channels, 1, 4, 1, 1))


class Skip(nn.Module):
    """Their UnetSkipConnectionBlock, with its in-place activation, and batch-norm."""

    def __init__(self, outer: int, inner: int, inputs: int | None = None, inside: nn.Module | None = None,
                 outermost: bool = False, dropout: bool = False) -> None:  # fmt: skip
        super().__init__()
        self.outermost = outermost
        down = nn.Conv2d(inputs or outer, inner, 4, 2, 1, bias=False)
        if outermost:
            assert inside is not None
            layers = [down, inside, nn.ReLU(True), nn.ConvTranspose2d(2 * inner, outer, 4, 2, 1), nn.Tanh()]
        elif inside is None:
            layers = [nn.LeakyReLU(0.2, True), down, nn.ReLU(True)]
            layers += [nn.ConvTranspose2d(inner, outer, 4, 2, 1, bias=False), nn.BatchNorm2d(outer)]
        else:
            layers = [nn.LeakyReLU(0.2, True), down, nn.BatchNorm2d(inner), inside, nn.ReLU(True)]
            layers += [nn.ConvTranspose2d(2 * inner, outer, 4, 2, 1, bias=False), nn.BatchNorm2d(outer)]
            layers += [nn.Dropout(0.5)] if dropout else []
        self.model = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x) if self.outermost else torch.cat([x, self.model(x)], 1)


class Unet(nn.Module):
    def __init__(self, channels: int, downs: int) -> None:
        super().__init__()
        block = Skip(8 * channels, 8 * channels)
        for _ in range(downs - 5):
            block = Skip(8 * channels, 8 * channels, inside=block, dropout=True)
        for width in (4, 2, 1):
            block = Skip(width * channels, 2 * width * channels, inside=block)
        self.model = Skip(3, channels, 3, block, outermost=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)


PAIRS = {
    "resnet_9blocks": (lambda: resnet(4, 9), lambda: ResnetGenerator(3, 4, 9), 32),
    "patch": (lambda: patch(3, 4), lambda: PatchDiscriminator(3, 4, 3), 64),
    "unet_256": (lambda: Unet(4, 8), lambda: UnetGenerator(3, 4, 8), 256),
    "unet_128": (lambda: Unet(4, 7), lambda: UnetGenerator(3, 4, 7), 128),
}


def moved(network: nn.Module) -> nn.Module:
    """With statistics that differ from those of a new network."""
    with torch.no_grad():
        for tensor in network.state_dict().values():
            if tensor.is_floating_point():
                tensor.copy_(torch.rand_like(tensor) * 0.4 + (0.8 if tensor.ndim == 1 else -0.2))
    return network.eval()


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("ending", [".pth", ".safetensors"])
def test_the_same_weights_give_the_same_pictures(name: str, ending: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    theirs, ours, size = moved(PAIRS[name][0]()), PAIRS[name][1]().eval(), PAIRS[name][2]
    path = tmp_path / f"net{ending}"
    if ending == ".pth":
        torch.save(theirs.state_dict(), path)
    else:
        save_file(theirs.state_dict(), path)
    load_foreign(ours, read_weights(path))
    images = torch.rand(2, 3, size, size) * 2 - 1
    with torch.no_grad():
        expected, found = theirs(images.clone()), ours(images)
    assert float(expected.std()) > 1e-3
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("blur", BLURS[1:])
def test_blurred_weights_of_cut_give_the_same_pictures(blur: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    theirs = blurred(2, 2, blur in ("down", "both"), blur in ("up", "both"))
    for name, tensor in theirs.state_dict().items():
        if not name.endswith("filt"):
            tensor.copy_(torch.randn_like(tensor) * 0.3)
    torch.save(theirs.state_dict(), tmp_path / "net.pth")
    weights = read_weights(tmp_path / "net.pth")
    assert kind_of(weights) == Kind("resnet", 3, 2, 2, "instance", False, blur)
    ours = ResnetGenerator(3, 2, 2, blur=blur)
    load_foreign(ours, weights)
    images = torch.rand(2, 3, 24, 16) * 2 - 1
    with torch.no_grad():
        expected, found = theirs(images), ours(images)
    assert float(expected.std()) > 1e-1
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    with pytest.raises(BadCheckpoint, match=r"belong to another network: layers\.\d+\."):
        load_foreign(ResnetGenerator(3, 2, 2), weights)


def test_the_filters_of_a_file_are_those_that_blur(tmp_path: Path) -> None:
    """A file with other taps draws with its own, not with CUT's."""
    theirs = blurred(2, 1)
    for name, tensor in theirs.state_dict().items():
        if name.endswith("filt"):
            tensor.copy_(torch.rand_like(tensor))
    ours = ResnetGenerator(3, 2, 1, blur="both")
    load_foreign(ours, theirs.state_dict())
    images = torch.rand(1, 3, 16, 16) * 2 - 1
    with torch.no_grad():
        torch.testing.assert_close(ours(images), theirs(images), atol=1e-5, rtol=1e-5)


# --- their own code ---------------------------------------------------------------------------------------------------

GOLDEN = Path(__file__).with_name("golden_foreign.json")
EVERY = 16  # pixels of an output, of which one is recorded


def weights_for(network: nn.Module) -> dict[str, Tensor]:
    """Weights by the names of a network, the same on every machine."""
    numbers = np.random.default_rng(0)
    made = {}
    for name, tensor in sorted(network.state_dict().items()):
        if tensor.is_floating_point():
            around = 1.0 if name.endswith("running_var") or (tensor.ndim == 1 and "weight" in name) else 0.0
            values = around + numbers.uniform(-0.25, 0.25, tuple(tensor.shape))
            made[name] = torch.from_numpy(values.astype(np.float32))
        else:
            made[name] = tensor
    return made


def pictures(size: int) -> Tensor:
    return torch.from_numpy(np.random.default_rng(1).uniform(-1, 1, (1, 3, size, size)).astype(np.float32))


def given(network: nn.Module, size: int) -> Tensor:
    with torch.no_grad():
        made: Tensor = network.eval()(pictures(size))
    return made


@pytest.mark.parametrize("name", PAIRS)
def test_the_recorded_pictures_of_their_code(name: str) -> None:
    theirs, ours, size = PAIRS[name][0](), PAIRS[name][1](), PAIRS[name][2]
    load_foreign(ours, weights_for(theirs))
    recorded = json.loads(GOLDEN.read_text())[name]
    expected = torch.tensor(recorded)
    step = 1 if name == "patch" else EVERY
    assert float(expected.std()) > 1e-2
    torch.testing.assert_close(given(ours, size)[0, :, ::step, ::step], expected, atol=1e-5, rtol=1e-5)


def their_networks(code: ModuleType) -> dict[str, nn.Module]:
    """The networks of PAIRS, made by their code."""
    return {
        "resnet_9blocks": code.define_G(3, 3, 4, "resnet_9blocks", "instance"),
        "patch": code.define_D(3, 4, "basic", norm="instance"),
        "unet_256": code.define_G(3, 3, 4, "unet_256", "batch", use_dropout=True),
        "unet_128": code.define_G(3, 3, 4, "unet_128", "batch", use_dropout=True),
    }


def test_their_own_code(request: pytest.FixtureRequest) -> None:
    """Also rewrites the recorded pictures."""
    checkout = request.config.getoption("--peer")
    if checkout is None:
        pytest.skip("no --peer CHECKOUT of junyanz/pytorch-CycleGAN-and-pix2pix")
    spec = importlib.util.spec_from_file_location("their_networks", Path(checkout) / "models" / "networks.py")
    assert spec
    assert spec.loader
    code = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(code)
    recorded = {}
    for name, theirs in their_networks(code).items():
        reference, ours, size = PAIRS[name][0](), PAIRS[name][1](), PAIRS[name][2]
        assert {n: t.shape for n, t in theirs.state_dict().items()} == {
            n: t.shape for n, t in reference.state_dict().items()
        }
        theirs.load_state_dict(weights_for(theirs))
        load_foreign(ours, theirs.state_dict())
        expected = given(theirs, size)
        torch.testing.assert_close(given(ours, size), expected, atol=1e-5, rtol=1e-5)
        step = 1 if name == "patch" else EVERY
        recorded[name] = expected[0, :, ::step, ::step].tolist()
    GOLDEN.write_text(json.dumps(recorded) + "\n")


@pytest.mark.parametrize(
    ("network", "kind"),
    [
        (lambda: resnet(4, 9), Kind("resnet", 3, 4, 9, "instance", False)),
        (lambda: resnet(16, 6), Kind("resnet", 3, 16, 6, "instance", False)),
        (lambda: Unet(4, 8), Kind("unet", 3, 4, 8, "batch", False)),
        (lambda: Unet(8, 7), Kind("unet", 3, 8, 7, "batch", False)),
    ],
)
@pytest.mark.parametrize("parallel", [False, True])
def test_which_network_weights_are_of(network, kind: Kind, parallel: bool) -> None:  # type: ignore[no-untyped-def]
    weights = network().state_dict()
    if parallel:  # saved out of DataParallel
        weights = {f"module.{name}": tensor for name, tensor in weights.items()}
    assert kind_of(weights) == kind


def test_dropout_and_batch_norm_are_detected() -> None:
    ours = ResnetGenerator(3, 4, 2, "batch", 0.5).state_dict()
    theirs = {
        name.replace("layers.", "model.", 1).replace(".layers.", ".conv_block."): tensor
        for name, tensor in ours.items()
    }
    assert kind_of(theirs) == Kind("resnet", 3, 4, 2, "batch", True)


@pytest.mark.parametrize(
    "weights",
    [
        {},
        {"weight": torch.zeros(3)},
        patch(3, 4).state_dict(),
        {name: tensor for name, tensor in resnet(4, 2).state_dict().items() if "conv_block" not in name},
        {name: tensor for name, tensor in Unet(4, 7).state_dict().items() if name.endswith("3.weight")},
    ],
    ids=["nothing", "one", "a discriminator", "no blocks", "half a U-Net"],
)
def test_weights_of_no_known_generator(weights: dict[str, Tensor]) -> None:
    with pytest.raises(BadCheckpoint, match="of an unknown generator"):
        kind_of(weights)


def test_images_of_other_channels() -> None:
    weights = resnet(4, 2).state_dict()
    weights["model.1.weight"] = torch.zeros(4, 6, 7, 7)
    with pytest.raises(BadCheckpoint, match="6 channels to 3"):
        kind_of(weights)


def test_statistics_of_old_files_are_left_out() -> None:
    theirs, ours = resnet(4, 1), ResnetGenerator(3, 4, 1)
    old = theirs.state_dict() | {"model.2.running_mean": torch.zeros(4), "model.2.running_var": torch.ones(4)}
    load_foreign(ours, old)
    torch.testing.assert_close(ours.layers[1].weight, theirs.model[1].weight)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (lambda: resnet(4, 6), lambda: ResnetGenerator(3, 4, 9)),
        (lambda: resnet(8, 9), lambda: ResnetGenerator(3, 4, 9)),
        (lambda: Unet(4, 7), lambda: UnetGenerator(3, 4, 8)),
        (lambda: Unet(4, 8), lambda: UnetGenerator(3, 4, 7)),
        (lambda: patch(6, 4), lambda: PatchDiscriminator(3, 4, 3)),
        (lambda: resnet(4, 9), lambda: UnetGenerator(3, 4, 8)),
    ],
)
def test_weights_of_another_network_are_refused(theirs, ours) -> None:  # type: ignore[no-untyped-def]
    network = ours()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    said = []
    for _ in range(3):
        with pytest.raises(BadCheckpoint, match="belong to another network: ") as raised:
            load_foreign(network, dict(sorted(theirs().state_dict().items(), key=lambda _: random.random())))
        said.append(str(raised.value))
    assert len(set(said)) == 1  # the same layer on every call, in whatever order the file has them
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())


class Evil:
    def __reduce__(self) -> tuple:
        return (Path("touched").touch, ())


@pytest.mark.parametrize("kind", ["pickle", "cut", "nested", "missing", "safetensors"])
def test_files_that_are_no_weights(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / ("net.safetensors" if kind == "safetensors" else "net.pth")
    if kind == "pickle":
        path.write_bytes(pickle.dumps({"model.1.weight": Evil()}))
    elif kind == "cut":
        torch.save(resnet(4, 1).state_dict(), path)
        path.write_bytes(path.read_bytes()[:3000])
    elif kind == "nested":
        torch.save({"first": {"weight": torch.zeros(1)}, "second": {"weight": torch.zeros(1)}}, path)
    elif kind == "safetensors":
        path.write_bytes(b"no header")
    with pytest.raises(BadCheckpoint, match=r"can't be read as weights|doesn't hold the state dict"):
        read_weights(path)
    assert not (tmp_path / "touched").exists()
