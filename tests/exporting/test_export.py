"""Exported networks give PyTorch's results and contain their card; unsupported requests are refused."""

from __future__ import annotations

import ast
import importlib.util
import json
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from PIL import Image

from gan_core.checkpoint import read_checkpoint
from gan_core.data.base import DataSpec
from gan_core.errors import BadValue, ExportError, UnknownName
from gan_core.exporting import apart, code, onnx, precision, runtime
from gan_core.exporting.graphs import Graph, eight_bits, graph_of, without_parametrizations
from gan_core.exporting.wanted import Wanted
from gan_core.exporting.writing import export_model
from gan_core.gans import recipes
from gan_core.gans.stabilised import apply_spectral_norm
from gan_core.knobs import changed
from gan_core.models import loading
from gan_core.models.sampler import Sampler
from gan_core.runs.store import RunStore
from tests.cli.commands import ok, refused
from tests.conftest import example
from tests.made_models import make_model
from tests.made_runs import trained

pytestmark = pytest.mark.filterwarnings("ignore")  # the exporter's own, of its internals
FAST = ("biggan", "cyclegan")  # and StyleGAN2 below
MAGNIFIES = "diffusion_points"  # untrained, it divides by the data's share at the last level, almost 0
LEFT = [one for one in recipes if one.name not in (*FAST, "stylegan2", MAGNIFIES) and one.pretrained_part is None]
SOME = {"progan", "pix2pix", "clip", "text_mle", "molgan", "triplane"}  # of other kinds; the rest before a release


@pytest.fixture(scope="module")
def kept() -> dict[tuple[object, ...], bytes]:
    return {}


@pytest.fixture(autouse=True)
def exported_once(kept: dict[tuple[object, ...], bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    """PyTorch's exporter takes seconds: tests that export the same network with the same weights share the result."""

    def exported(graph: Graph) -> bytes:
        weights = b"".join(one.cpu().numpy().tobytes() for one in graph.module.state_dict().values())
        key = (str(graph.module), weights, tuple(graph.outputs), str(graph.axes), str(graph.examples(2)))
        if key not in kept:
            kept[key] = export(graph)
        return kept[key]

    export = onnx.exported
    monkeypatch.setattr(onnx, "exported", exported)


def _untrained(name: str) -> Sampler:
    """The networks of a recipe before training."""
    recipe = recipes.get(name)
    spec = example(recipe).spec
    networks = recipe.build(recipe.tiny, spec)
    return Sampler(recipe, recipe.tiny, spec, {one: networks[one].eval() for one in recipe.ema_networks})


def close(name: str, tmp_path: Path) -> None:
    sampler = _untrained(name)
    made = onnx.export(graph_of(sampler), tmp_path / "x.onnx", {"ganscope": "tests"})
    assert made.difference <= onnx.CLOSE
    assert "batch" in next(iter(made.inputs.values()))
    assert not random_operators(made.path)


def random_operators(path: Path) -> set[str]:
    """Those of an ONNX file, which tools that simplify it would replace by one draw."""
    model = importlib.import_module("onnx").load(path)
    types = {node.op_type for graph in (model.graph, *model.functions) for node in graph.node}
    return {name for name in types if name.startswith("Random") or name in ("Multinomial", "Bernoulli")}


@pytest.mark.parametrize("recipe", FAST)
def test_onnx_agrees_with_pytorch(recipe: str, tmp_path: Path) -> None:
    close(recipe, tmp_path)


@pytest.mark.parametrize(
    "recipe",
    [pytest.param(one.name, marks=pytest.mark.slow if one.name in SOME else pytest.mark.release) for one in LEFT],
)
def test_onnx_of_every_recipe_agrees_with_pytorch(recipe: str, tmp_path: Path) -> None:
    close(recipe, tmp_path)


def test_the_file_draws_the_samplers_pictures_and_holds_its_card(tmp_path: Path) -> None:
    card = make_model("cgan.x")
    path = tmp_path / "x.onnx"
    assert "largest difference" in ok("export", "cgan.x", "-o", path)
    facts = onnx.metadata(path)
    assert (facts["licence"], facts["recipe"], facts["opset"]) == (card.licence, "cgan", str(onnx.OPSET))
    assert json.loads(facts["card"])["sha256"] == card.sha256
    assert float(facts["difference"]) <= onnx.CLOSE
    sampler = loading.load("cgan.x")
    latents, labels = sampler.latents(5, seed=3, label=1)
    assert labels is not None
    session = runtime.open_session(path)
    (drawn,) = session.run(None, {"z": latents.numpy(), "class": labels.numpy()})
    assert np.abs(drawn - sampler.sample(5, 3, 1).numpy()).max() <= onnx.CLOSE


def test_eight_bits_are_those_of_the_picture(tmp_path: Path) -> None:
    make_model("dcgan.x")
    made = json.loads(ok("export", "dcgan.x", "-o", tmp_path / "x.onnx", "--uint8", "--json"))
    assert made["outputs"]["picture"].startswith("uint8")
    sampler = loading.load("dcgan.x")
    latents, _labels = sampler.latents(4, 0)
    (drawn,) = runtime.open_session(tmp_path / "x.onnx").run(None, {"z": latents.numpy()})
    wanted = ((sampler.sample(4) + 1) * 127.5).round().permute(0, 2, 3, 1).numpy()
    assert np.abs(drawn.astype(int) - wanted).max() <= 1


def test_truncation_w_and_the_discriminator_are_inputs_of_their_own(tmp_path: Path) -> None:
    make_model("stylegan2.x")
    sampler = loading.load("stylegan2.x")
    latents, _labels = sampler.latents(3, 1)
    made = export_model("stylegan2.x", tmp_path / "z.onnx")
    assert made.difference <= onnx.CLOSE
    assert "batch" in made.inputs["z"]
    given = {"z": latents.numpy(), "truncation": np.array(0.5, np.float32)}
    (drawn,) = runtime.open_session(tmp_path / "z.onnx").run(None, given)
    assert np.abs(drawn - sampler.sample(3, 1, psi=0.5).numpy()).max() <= onnx.CLOSE
    made = export_model("stylegan2.x", tmp_path / "w.onnx", Wanted(part="w"))
    assert list(made.inputs) == ["w"]
    made = export_model("stylegan2.x", tmp_path / "d.onnx", Wanted(part="discriminator"))
    assert list(made.outputs) == ["logits"]


def test_a_palette_is_exported(tmp_path: Path) -> None:
    make_model("stylegan2.x", palette=5)
    assert export_model("stylegan2.x", tmp_path / "z.onnx").difference <= onnx.CLOSE
    assert not random_operators(tmp_path / "z.onnx")  # of a generator with noise in each layer


def test_a_run_is_exported_by_its_name(tmp_path: Path) -> None:
    store = RunStore()
    id = trained(store, "mlp_gan", name="mine")
    ok("export", "mine", "-o", tmp_path / "x.onnx")
    facts = onnx.metadata(tmp_path / "x.onnx")
    assert (facts["data"], facts["step"]) == ("digits", "2")
    state = read_checkpoint(store.checkpoints(id)[-1].path)
    assert state["step"] == 2


def test_a_program_agrees_too(tmp_path: Path) -> None:
    make_model("dcgan.x")
    made = export_model("dcgan.x", tmp_path / "x.pt2")
    program = torch.export.load(tmp_path / "x.pt2").module()
    sampler = loading.load("dcgan.x")
    latents, _labels = sampler.latents(5, 2)
    assert made.difference <= onnx.CLOSE
    assert (program(latents) - sampler.sample(5, 2)).abs().max() <= onnx.CLOSE


CODE = ("dcgan", "stylegan2", "cgan")
BLOCKED = """
import os, runpy, sys
sys.modules["gan_core"] = None
for folder in sys.argv[1:]:
    os.chdir(folder)
    runpy.run_path("mine.py", run_name="__main__")
"""


@pytest.fixture(scope="module")
def as_code(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders with the code of models by recipe, all run by one process without GANscope."""
    folders = {}
    for recipe in CODE:
        folders[recipe] = tmp_path_factory.mktemp(recipe)
        make_model(f"{recipe}.x", folder=folders[recipe] / "model")
        ok("export", folders[recipe] / "model", "-o", folders[recipe] / "mine.py")
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED, *folders.values()], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return folders


@pytest.mark.parametrize("recipe", CODE)
def test_code_runs_without_ganscope(recipe: str, as_code: dict[str, Path]) -> None:
    folder = as_code[recipe]
    text = (folder / "mine.py").read_text(encoding="utf-8")
    assert "gan_core" not in text
    assert "distributed" not in text  # layers that communicate with other processes don't
    with Image.open(folder / "mine.png") as picture:
        assert min(picture.size) >= 4 * 8
    module = _imported(folder / "mine.py")
    wanted = loading.load(str(folder / "model")).sample(6, seed=4)
    assert (module.sample(6, seed=4) - wanted).abs().max() == 0


ALONE = {  # recipes whose code can't be separated, and the reason
    "another model's network": {"encoder"},
    "acts in an environment": {"gail"},
}


@pytest.mark.parametrize("recipe", [one.name for one in recipes])
def test_code_of_every_recipe_gives_what_the_model_gives(recipe: str, tmp_path: Path) -> None:
    """Runs the written files with weights read from the disk; of those that are refused, nothing is written."""
    sampler = _untrained(recipe)
    path = tmp_path / "x.py"
    if refusal := next((words for words, names in ALONE.items() if recipe in names), None):
        with pytest.raises(ExportError, match=refusal):
            code.write(sampler, path, "x", "CC0-1.0")
        assert list(tmp_path.glob("x.*")) == []
        return
    assert code.write(sampler, path, "x", "CC0-1.0")[1] <= onnx.CLOSE
    made = _imported(path)
    if not (sampler.recipe.draws or sampler.recipe.translations):
        loaded = made.load()
        for name, network in sampler.networks.items():
            assert loaded[name].state_dict().keys() == network.state_dict().keys()
    elif sampler.recipe.draws:
        assert (made.sample(5, seed=3).double() - sampler.sample(5, seed=3).double()).abs().max() <= onnx.CLOSE
    else:
        pictures = torch.rand(2, *sampler.spec.shape)
        assert made.CHANGES.keys() == sampler.recipe.translations.keys()
        for name, translate in sampler.recipe.translations.items():
            wanted = translate(sampler.networks, sampler.hparams, pictures)
            assert (made.change(pictures, name) - wanted).abs().max() <= onnx.CLOSE
    draws_pictures = hasattr(made, "sample") and len(sampler.spec.shape) == 3
    assert ("__main__" in path.read_text(encoding="utf-8")) == draws_pictures


def _imported(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, path.stem, module)  # as `import` does
        spec.loader.exec_module(module)
    return module


def test_a_local_name_is_not_taken_for_one_of_the_module() -> None:
    node = ast.parse(
        "@decorated\n"
        "def draw(networks: Mapping[str, Module], size: int = SIZE) -> Tensor:\n"
        "    made = [width for width in networks.values()]\n"
        "    return (lambda scale: scale * FACTOR)(made[0])\n"
    ).body[0]
    assert set(code._used(node)) == {"decorated", "SIZE", "FACTOR"}
    assert set(code._annotated(node)) == {"Mapping", "str", "Module", "int", "Tensor"}


def test_linters_accept_the_code(as_code: dict[str, Path]) -> None:
    """Names, also those in annotations, are defined; statements are separated as usual."""
    files = [folder / "mine.py" for folder in as_code.values()]
    chosen = ["--isolated", "--no-cache", "--preview", "--select", "F,E3,E7"]
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", *chosen, *files], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_code_that_gives_something_else_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sampler = _untrained("mlp_gan")
    monkeypatch.setattr(code, "DRAWS", code.DRAWS.replace("randn(", "rand("))
    with pytest.raises(ExportError, match="differs from PyTorch's"):
        code.write(sampler, tmp_path / "x.py", "x", "CC0-1.0")
    monkeypatch.setattr(code, "SPEC", ("task",))
    with pytest.raises(ExportError, match=r"doesn't run alone, so nothing was written: .*no attribute"):
        code.write(sampler, tmp_path / "x.py", "x", "CC0-1.0")
    assert list(tmp_path.iterdir()) == []


def test_smaller_precisions_report_their_accuracy(tmp_path: Path) -> None:
    make_model("dcgan.x")
    whole = export_model("dcgan.x", tmp_path / "x.onnx")
    half = export_model("dcgan.x", tmp_path / "h.onnx", Wanted(precision="fp16"))
    small = export_model("dcgan.x", tmp_path / "q.onnx", Wanted(precision="int8"))
    assert half.psnr is not None
    assert small.psnr is not None
    assert half.bytes < whole.bytes
    assert half.psnr > small.psnr >= precision.LEAST["int8"]
    import onnx as library

    kinds = {node.op_type for node in library.load(tmp_path / "q.onnx").graph.node}
    assert "DequantizeLinear" in kinds


def test_a_precision_that_loses_too_much_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_model("dcgan.x")
    monkeypatch.setitem(precision.LEAST, "int8", 99.0)
    with pytest.raises(ExportError, match=r"keep a PSNR of .* less than 99 dB, so nothing was written"):
        export_model("dcgan.x", tmp_path / "q.onnx", Wanted(precision="int8"))
    assert list(tmp_path.glob("*.onnx*")) == []


def _rounding(scale: float) -> bytes:
    """A network that rounds scaled latents to whole numbers."""
    import onnx as library
    from onnx import TensorProto, helper, numpy_helper

    nodes = [
        helper.make_node("Mul", ["z", "scale"], ["scaled"]), helper.make_node("Round", ["scaled"], ["rounded"]),
        helper.make_node("Cast", ["rounded"], ["tokens"], to=TensorProto.INT64),
    ]  # fmt: skip
    z, tokens = (
        helper.make_tensor_value_info(name, kind, ["batch", 8])
        for name, kind in (("z", TensorProto.FLOAT), ("tokens", TensorProto.INT64))
    )
    weights = [numpy_helper.from_array(np.array(scale, np.float32), "scale")]
    graph = helper.make_graph(nodes, "rounding", [z], [tokens], weights)
    opset = [helper.make_opsetid("", onnx.OPSET)]
    content: bytes = library.ModelProto.SerializeToString(helper.make_model(graph, opset_imports=opset, ir_version=10))
    return content


def test_whole_numbers_are_compared_by_the_share_that_stays_equal(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = Graph(torch.nn.Identity(), {"z": {0: "batch"}}, ("tokens",), {"z": (8,)})
    whole = _rounding(1.0)
    assert precision.fidelity(graph, whole, _rounding(1.0)) == precision.Fidelity(equal=1.0)
    latents = graph.examples(precision.MEASURED, seed=1)["z"].numpy()
    share = float((np.round(latents) == np.round(latents * np.float32(1.4))).mean())
    assert 0.5 < share < 0.9
    assert precision.fidelity(graph, whole, _rounding(1.4)) == precision.Fidelity(equal=share)
    monkeypatch.setattr(precision, "_half", lambda content: _rounding(1.4))
    with pytest.raises(ExportError, match=rf"only {100 * share:.1f} % of the outputs stay .*, less than 99 %"):
        precision.reduced(graph, whole, "fp16")


@pytest.mark.parametrize(
    ("recipe", "output"),
    [("text_mle", "tokens"), ("musegan", "voices"), ("molgan", "molecule"), ("mocogan", "film"), ("specgan", "sound")],
)
def test_outputs_are_named_by_what_they_are(recipe: str, output: str) -> None:
    graph = graph_of(_untrained(recipe))
    assert graph.outputs == (output,)
    with pytest.raises(BadValue, match=f"Only pictures can be 8-bit, and this graph gives {output}"):
        eight_bits(graph)


@pytest.mark.slow
def test_films_of_a_moving_layer_have_a_free_batch() -> None:
    recipe = recipes.get("mocogan")
    hparams, spec = changed(recipe.tiny, {"layer": True}), DataSpec({"frames": (1, 4, 16, 16)}, rate=12)
    graph = graph_of(Sampler(recipe, hparams, spec, recipe.build(hparams, spec)))
    free = onnx.free_axes(graph)
    program = torch.export.export(graph.module, tuple(graph.traced().values()), dynamic_shapes=free).module()
    for inputs in graph.checks():
        torch.testing.assert_close(program(*inputs.values()), graph.module(*inputs.values()))


def test_a_difference_that_is_too_large_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_model("dcgan.x")
    monkeypatch.setattr(onnx, "CLOSE", 0.0)
    with pytest.raises(ExportError, match="differs from PyTorch's"):
        export_model("dcgan.x", tmp_path / "x.onnx")
    assert list(tmp_path.glob("*.onnx*")) == []


def test_unsupported_exports_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_model("dcgan.x")
    assert "Valid file extensions: .onnx, .pt2, .py" in refused(2, "export", "dcgan.x", "-o", tmp_path / "x.tflite")
    assert "Unknown part 'z'. Valid: w, discriminator." in refused(
        2, "export", "dcgan.x", "-o", tmp_path / "x.onnx", "--part", "z"
    )
    assert "has no w" in refused(2, "export", "dcgan.x", "-o", tmp_path / "x.onnx", "--part", "w")
    assert "Unknown precision 'int4'" in refused(
        2, "export", "dcgan.x", "-o", tmp_path / "x.onnx", "--precision", "int4"
    )
    assert "can't be imported by Python" in refused(2, "export", "dcgan.x", "-o", tmp_path / "my-net.py")
    assert "no model or run" in refused(2, "export", "nothing", "-o", tmp_path / "x.onnx").lower()
    (tmp_path / "other.onnx").write_bytes(b"no model")
    with pytest.raises(ExportError, match="isn't an ONNX model"):
        onnx.metadata(tmp_path / "other.onnx")
    monkeypatch.setattr(runtime, "PACKAGES", ("onnx", "no_such_package"))
    assert "pip install 'ganscope[export]'" in refused(1, "export", "dcgan.x", "-o", tmp_path / "x.onnx")
    with pytest.raises(UnknownName):
        export_model("nothing", tmp_path / "x.py")
    with pytest.raises(BadValue, match="Only pictures can be 8-bit"):
        eight_bits(graph_of(loading.load("dcgan.x"), "discriminator", "", torch.nn.Flatten()))


def test_the_original_keeps_its_spectral_norm() -> None:
    layer = torch.nn.Sequential(torch.nn.Linear(4, 4))
    apply_spectral_norm(layer)
    layer.eval()
    given = torch.ones(1, 4)
    wanted = layer(given)
    layer.train()
    copy = without_parametrizations(layer)
    assert layer.training  # the given network is unchanged
    layer.eval()
    assert type(copy[0]) is torch.nn.Linear
    assert torch.allclose(copy(given), wanted)
    assert torch.equal(layer(given), wanted)


@pytest.mark.slow  # four processes that import PyTorch
def test_an_export_in_a_process_of_its_own_reports_errors_as_templates(tmp_path: Path) -> None:
    make_model("dcgan.x")
    made = apart.export_apart("dcgan.x", tmp_path / "mine.py", Wanted())
    assert [one.name for one in made.files] == ["mine.py", "mine.safetensors"]
    assert all(one.is_file() for one in made.files)
    with pytest.raises(BadValue, match="Code can only be written for the whole model"):
        apart.export_apart("dcgan.x", tmp_path / "mine.py", Wanted(part="w"))
    with pytest.raises(ExportError, match="no model named") as caught:
        apart.export_apart("nothing", tmp_path / "x.py", Wanted())
    assert "{name}" in caught.value.message
    with pytest.raises(BadValue, match="Valid file extensions") as refused_ending:
        apart.export_apart("dcgan.x", tmp_path / "x.tflite", Wanted())
    assert refused_ending.value.values["file"] == "x.tflite"


class Root(torch.nn.Module):
    """Square roots: NaN where `sign` is -1."""

    sign: torch.Tensor

    def __init__(self, sign: float) -> None:
        super().__init__()
        self.register_buffer("sign", torch.full((1,), sign))

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return (self.sign * (z.square() + 1)).sqrt()


def graph_around(module: torch.nn.Module) -> Graph:
    return Graph(module, {"z": {0: "batch"}}, ("picture",), {"z": (4,)})


def test_outputs_that_are_no_numbers_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    right, wrong = graph_around(Root(1.0)), onnx.exported(graph_around(Root(-1.0)))
    with pytest.raises(ExportError, match="differs from PyTorch's by up to nan"):
        onnx.check(right, wrong)
    assert onnx.furthest([torch.tensor([1.0, float("-inf")])], [torch.tensor([1.5, float("-inf")])]) == 0.5
    assert np.isnan(onnx.furthest([torch.ones(1), torch.tensor([float("nan")])], [torch.ones(1), torch.ones(1)]))
    monkeypatch.setattr(precision, "_half", lambda content: wrong)
    with pytest.raises(ExportError, match="PSNR of -inf dB"):
        precision.reduced(right, onnx.exported(right), "fp16")
    with pytest.raises(BadValue, match=r"Unknown precision 'fp32'. Valid: fp16, int8\."):
        precision.reduced(right, b"", "fp32")


def test_a_title_is_text_and_never_code(tmp_path: Path) -> None:
    title = 'C:\\Users """ + str(1 / 0) + """ \n"quoted"'
    make_model("mlp_gan.x", folder=tmp_path / "mlp_gan.x")
    code.write(loading.load(str(tmp_path / "mlp_gan.x")), tmp_path / "mine.py", title, '"')
    module = _imported(tmp_path / "mine.py")
    assert module.__doc__ is not None
    assert module.__doc__.startswith('C:\\Users """ + str(1 / 0) + """ "quoted": the networks')
    assert module.__doc__.splitlines()[0].endswith('Licence of the weights: "')


@pytest.mark.parametrize(("name", "data"), [("pix2pix.x", "digits_coloured"), ("molgan.x", "molecules")])
def test_a_discriminator_of_more_than_pictures_is_refused(name: str, data: str, tmp_path: Path) -> None:
    make_model(name, data, tmp_path / name)
    with pytest.raises(BadValue, match="judges more than single images"):
        export_model(str(tmp_path / name), tmp_path / "x.onnx", Wanted(part="discriminator"))


def test_an_interrupted_export_leaves_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started = []

    def interrupted(process: subprocess.Popen[str], *_: object, **__: object) -> None:
        started.append(process)
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess.Popen, "communicate", interrupted)
    with pytest.raises(KeyboardInterrupt):
        apart.export_apart("dcgan.x", tmp_path / "mine.py", Wanted())
    assert [process.poll() for process in started] == [-signal.SIGKILL]
    assert not apart._running
