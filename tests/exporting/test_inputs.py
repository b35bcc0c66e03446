"""Noise as inputs, and pictures of other sizes: what is drawn and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from gan_core.errors import BadValue
from gan_core.exporting import onnx, runtime
from gan_core.exporting.graphs import Graph, free_size, graph_of, noise_as_inputs
from gan_core.exporting.noise import noises
from gan_core.exporting.sizes import Sizes, free_sizes
from gan_core.exporting.wanted import Wanted
from gan_core.exporting.writing import export_model
from gan_core.gans import recipes
from gan_core.knobs import to_dict
from gan_core.layers.style_generator import Noise, StyleGenerator
from gan_core.models import loading
from gan_core.models.sampler import Sampler
from tests.cli.commands import ok, refused
from tests.conftest import example
from tests.made_models import make_model

pytestmark = pytest.mark.filterwarnings("ignore")  # the exporter's own, of its internals


def untrained(name: str, **changes: object) -> Sampler:
    """With random strengths of the noise, which are initially 0."""
    recipe = recipes.get(name)
    spec = example(recipe).spec
    hparams = recipe.settings(to_dict(recipe.tiny) | changes)
    networks = recipe.build(hparams, spec)
    for layer in (one for network in networks.values() for one in network.modules()):
        if isinstance(layer, Noise):
            nn.init.normal_(layer.strength)
    return Sampler(recipe, hparams, spec, {one: networks[one].eval() for one in recipe.ema_networks})


def drawn(path: Path, inputs: dict[str, torch.Tensor]) -> np.ndarray:
    (made,) = runtime.open_session(path).run(None, {name: one.numpy() for name, one in inputs.items()})
    return np.asarray(made)


def test_the_noise_of_each_layer_is_an_input(tmp_path: Path) -> None:
    sampler = untrained("stylegan2")
    graph = noise_as_inputs(graph_of(sampler), sampler)
    names = ["noise_4a", "noise_8a", "noise_8b"]
    made = onnx.export(graph, tmp_path / "x.onnx", {"ganscope": "tests"})
    assert list(made.inputs) == ["z", "truncation", *names]
    assert made.inputs["noise_8b"] == 'float ["batch", 1, 8, 8]'
    assert made.difference <= onnx.CLOSE
    facts = onnx.metadata(tmp_path / "x.onnx")
    assert "zeros" in facts["noise"]
    assert float(facts["difference"]) == pytest.approx(made.difference, rel=0.01)
    generator = sampler.networks["generator"]
    assert isinstance(generator, StyleGenerator)
    z, _ = sampler.latents(3, 5)
    inputs = {"z": z, "truncation": torch.tensor(1.0)}
    constants = [one.constant for one in generator.modules() if isinstance(one, Noise)]
    same = inputs | {name: one.expand(3, -1, -1, -1) for name, one in zip(names, constants, strict=True)}
    assert np.abs(drawn(tmp_path / "x.onnx", same) - sampler.sample(3, 5).numpy()).max() <= onnx.CLOSE
    without = inputs | {name: torch.zeros(3, *one.shape[1:]) for name, one in zip(names, constants, strict=True)}
    with torch.no_grad():
        wanted = generator.synthesis(generator.repeated(generator.mapping(z)), "none").clamp(-1, 1)
    assert np.abs(drawn(tmp_path / "x.onnx", without) - wanted.numpy()).max() <= onnx.CLOSE
    assert np.abs(drawn(tmp_path / "x.onnx", same) - wanted.numpy()).max() > 0.01


def test_a_growing_generator_has_inputs_for_the_layers_in_use(tmp_path: Path) -> None:
    generator = untrained("stylegan").networks["generator"]
    assert noises(generator, "StyleGAN") == {"noise_4a": 4, "noise_4b": 4, "noise_8a": 8, "noise_8b": 8}
    generator.resolution.fill_(4)  # type: ignore[operator, union-attr]
    assert noises(generator, "StyleGAN") == {"noise_4a": 4, "noise_4b": 4}


@pytest.mark.slow
@pytest.mark.parametrize("part", ["", "w"])
def test_noise_goes_with_classes_and_with_w(part: str, tmp_path: Path) -> None:
    sampler = untrained("stylegan")
    graph = noise_as_inputs(graph_of(sampler, part), sampler)
    made = onnx.export(graph, tmp_path / "x.onnx", {"ganscope": "tests"})
    assert next(iter(made.inputs)) == (part or "z")
    assert made.difference <= onnx.CLOSE


def test_a_translator_takes_other_sizes(tmp_path: Path) -> None:
    make_model("cyclegan.x", "digits_coloured_unpaired")
    summary = json.loads(ok("export", "cyclegan.x", "-o", tmp_path / "x.onnx", "--free-size", "--json"))
    assert summary["inputs"]["picture"].endswith('"4*height", "4*width"]')
    assert summary["difference"] <= onnx.CLOSE
    assert onnx.metadata(tmp_path / "x.onnx")["sizes"] == "height and width: multiples of 4 pixels, at least 8"
    sampler = loading.load("cyclegan.x")
    for height, width in ((8, 8), (20, 12), (36, 64)):
        picture = torch.rand(2, sampler.spec.channels, height, width) * 2 - 1
        with torch.no_grad():
            wanted = sampler.recipe.translations["a_to_b"](sampler.networks, sampler.hparams, picture)
        made = drawn(tmp_path / "x.onnx", {"picture": picture})
        assert made.shape == tuple(wanted.shape)
        assert np.abs(made - wanted.numpy()).max() <= onnx.CLOSE


@pytest.mark.slow
def test_a_program_takes_other_sizes_too(tmp_path: Path) -> None:
    make_model("cyclegan.x", "digits_coloured_unpaired")
    made = export_model("cyclegan.x", tmp_path / "x.pt2", Wanted(free_size=True))
    assert made.difference <= onnx.CLOSE
    program = torch.export.load(tmp_path / "x.pt2").module()
    assert program(torch.zeros(1, loading.load("cyclegan.x").spec.channels, 24, 16)).shape[2:] == (24, 16)
    make_model("pix2pix.x", "digits_coloured")
    with pytest.raises(BadValue, match=r"Write a \.onnx file"):
        export_model("pix2pix.x", tmp_path / "y.pt2", Wanted(free_size=True))


def test_layers_determine_the_valid_sizes() -> None:
    unet = untrained("pix2pix")
    found = free_size(graph_of(unet)).sizes
    assert found == Sizes(multiple=8, least=1)
    assert found.shapes(8) == ((16, 16), (16, 24), (8, 8))
    whole = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.InstanceNorm2d(3))
    assert free_sizes(whole, ["picture"], (3, 8, 8)) == Sizes(1, 2)  # at 1x1 there are no statistics
    with pytest.raises(BadValue, match="fix the size of its pictures to 8x8: 9x10 pixels become 1x1"):
        free_sizes(nn.AdaptiveAvgPool2d(1), ["picture"], (3, 8, 8))


def test_unsupported_exports_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadValue, match="fix the size of its pictures to 16x16"):
        free_size(graph_of(untrained("context_encoder")))
    silent = untrained("stylegan2", noise=False)
    with pytest.raises(BadValue, match="trained without noise inputs"):
        noise_as_inputs(graph_of(silent), silent)
    make_model("dcgan.x")
    words = ("export", "dcgan.x", "-o", tmp_path / "x.onnx")
    assert "has no noise inputs: only style-based" in refused(2, *words, "--noise-inputs")
    assert "this graph gives picture" in refused(2, *words, "--free-size")
    assert "leave out all other options" in refused(2, "export", "dcgan.x", "-o", tmp_path / "x.py", "--free-size")
    loud = untrained("stylegan2")
    logits = Graph(nn.Identity(), {"picture": {0: "batch"}}, ("logits",), {"picture": (1, 8, 8)})
    with pytest.raises(BadValue, match="Only a graph that draws pictures has noise inputs"):
        noise_as_inputs(logits, loud)
    assert not list(tmp_path.glob("*.onnx"))
