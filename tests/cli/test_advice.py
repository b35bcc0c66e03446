"""Advice works: every command that a message names is extracted from the message and run."""

from __future__ import annotations

import ast
import json
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import gan_core
from gan_core import paths
from gan_core.data.base import DataSpec
from gan_core.data.sets import avatars
from gan_core.metrics import general_nets
from gan_core.models.plans import plans
from gan_core.runs.store import RunState, RunStore
from tests.cli.commands import TINY, ganscope, make_run, ok
from tests.latent.test_commands import publish
from tests.made_models import make_model, make_seer

ROOT = Path(gan_core.__file__).parent
KERAS = Path(__file__).parents[1] / "shelf" / "keras" / "tutorial.keras"
ADVISED = re.compile(r"`(ganscope [^`]+)`")
NET = [word for knob in ("channels=4", "max_channels=8", "features=6", "batch_size=4") for word in ("--set", knob)]


def said(*arguments: str | Path) -> str:
    """Returns the output of a command, whether it succeeds or is refused."""
    result = ganscope(*arguments)
    assert "Traceback" not in result.output
    return result.stdout + result.stderr


def kept(text: str, *more: str) -> str:
    """Runs each command that the text advises, reduced by `more`; returns their output."""
    commands = ADVISED.findall(text)
    assert commands, text
    output = ""
    for command in commands:
        words = shlex.split(command)[1:]
        if words[0] == "train" and "--resume" not in words:
            words += more
        result = ganscope(*words)
        assert result.exit_code == 0, f"{command}\n{result.output}"
        output += result.stdout + result.stderr
    return output


def trained(state: RunState = RunState.FINISHED, *more: str) -> str:
    run: str = json.loads(ok("train", "mlp_gan", "--data", "digits", "--steps", "2", *TINY, "--json", *more))["run"]
    store = RunStore()
    token = store.claim(run)
    store.set_state(run, token, state)
    store.release(run, token)
    store.close()
    return run


def pictures(root: Path, *folders: str, side: int = 8, count: int = 20) -> Path:
    for place in range(count):
        folder = root / folders[place % len(folders)] if folders else root
        folder.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(place).integers(0, 256, (side, side, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{place}.png")
    return root


# --- what causes the advice, by its place in the code -----------------------------------------------------------------


def no_runs(tmp_path: Path) -> None:
    kept(said("runs"), "--steps", "1", "--set", "channels=4", "--set", "latent_size=4", "--set", "batch_size=4")


def no_models(tmp_path: Path) -> None:
    (command,) = ADVISED.findall(said("models"))
    assert shlex.split(command)[2] in plans  # making it takes minutes; tests/models/test_pretrain.py makes models


def how_own_data_are_named(tmp_path: Path) -> None:
    assert "folder:PATH" in kept(said("data").splitlines()[-1])  # the other lines name downloads


def which_recipes_there_are(tmp_path: Path) -> None:
    assert "dcgan" in kept(said("train"))


def what_the_help_names(tmp_path: Path) -> None:
    assert "KNOB" in ok("recipes", "show", "mlp_gan")
    ok("models")


def skipped_files(tmp_path: Path) -> None:
    root = pictures(tmp_path / "my pictures")
    (root / "broken.png").write_bytes(b"no picture")
    words = ("train", "mlp_gan", "--data", root, "--size", "8", "--steps", "1", *TINY)
    assert "skipped broken.png" in kept(said(*words))


def a_run_that_is_done(tmp_path: Path) -> None:
    assert "finished at step 4" in kept(said("train", "--resume", trained()))


def a_resumed_run_with_other_settings(tmp_path: Path) -> None:
    words = ("--set", "generator_rate=0.001", "--steps", "3", "--name", "two words")
    output = kept(said("train", "--resume", trained(RunState.STOPPED), *words))
    assert "finished at step 3" in kept(output)
    store = RunStore()
    assert (store.runs()[0].name, store.runs()[0].spec.hparams["generator_rate"]) == ("two words", 0.001)
    store.close()


def an_edit_of_a_run_that_nobody_trains(tmp_path: Path) -> None:
    for state, end in ((RunState.FINISHED, 4), (RunState.STOPPED, 4), (RunState.FAILED, 4)):
        output = kept(said("runs", "edit", trained(state), "--set", "generator_rate=0.001"))
        assert f"finished at step {end}" in kept(output)


def another_verb_for_a_run_that_nobody_trains(tmp_path: Path) -> None:
    stopped = trained(RunState.STOPPED, "--name", "first")
    for verb in ("pause", "resume", "stop", "step"):
        assert "finished at step 2" in kept(said("runs", verb, stopped))
        token_back(stopped)
    output = kept(said("runs", "resume", trained()))
    assert "finished at step 4" in kept(output)


def token_back(run: str) -> None:
    store = RunStore()
    token = store.claim(run)
    store.set_state(run, token, RunState.STOPPED)
    store.release(run, token)
    store.close()


def what_to_edit(tmp_path: Path) -> None:
    """The advised change is one that the recipe knows; the run has ended, so that the command reports this."""
    net = json.loads(ok("train", "feature_net", "--data", "digits", "--steps", "1", *NET, "--json"))["run"]
    for run in (trained(), net):
        (command,) = ADVISED.findall(said("runs", "edit", run))
        assert "finished at step" in kept(kept(said(*shlex.split(command)[1:])))


def a_failed_run(tmp_path: Path) -> None:
    from gan_core.training.trainer import Trainer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trainer, "train_step", explode)
        store = RunStore()
        run = make_run(store, hparams={})
        store.set_note(run, "")
        store.close()
        token_back(run)
        assert "explode" in kept(said("train", "--resume", run))


def explode(*_: object) -> None:
    raise RuntimeError("boom")


def a_loss_that_is_not_finite(tmp_path: Path) -> None:
    from gan_core.training.trainer import StepResult, Trainer

    whole_step = Trainer.train_step

    def broken(trainer: Trainer, only: str | None = None) -> StepResult:
        result = whole_step(trainer, only)
        result.terms["generator/adversarial"] = result.terms["generator/adversarial"] * float("nan")
        return result

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trainer, "train_step", broken)
        text = said("train", "mlp_gan", "--steps", "3", *TINY)
    assert "generator_rate=0.0001" in text
    assert "finished at step 3" in kept(kept(text))


def a_model_that_is_no_run(tmp_path: Path) -> None:
    make_model("mlp_gan.mine")
    assert "finished" in kept(said("train", "--resume", "mlp_gan.mine"))


def a_run_that_is_no_model(tmp_path: Path) -> None:
    assert "finished at step 4" in kept(kept(said("train", "--from", trained())))


def a_run_is_not_pushed(tmp_path: Path) -> None:
    run = trained()
    assert f"mlp_gan.{run}" in kept(kept(said("push", run, "me/mine")))


def a_run_is_not_measured(tmp_path: Path) -> None:
    run = trained()
    assert f"mlp_gan.{run}" in kept(kept(said("measure", run)))


def a_model_without_directions(tmp_path: Path) -> None:
    shelf = paths.home() / "models"
    values = {"hat": ("none", "cap"), "hair": ("bob", "bun", "long")}
    spec = DataSpec({"real": (3, 16, 16)}, 0, {name: len(held) for name, held in values.items()})
    publish(shelf / "stylegan2.noise", "stylegan2", DataSpec({"real": (3, 16, 16)}), {})
    publish(shelf / "features.noise", "feature_net", spec, values)
    assert "LEAKS" in kept(said("measure", "stylegan2.noise"))
    assert "LEAKS" in ok("measure", "stylegan2.noise")


def enlarging_is_not_translating(tmp_path: Path) -> None:
    make_model("srgan.mine")
    photo = pictures(tmp_path / "my photos", count=1) / "0.png"
    assert "16 x 16" in kept(said("translate", "srgan.mine", photo, "-o", tmp_path / "new one.png"))


def an_imported_model(tmp_path: Path) -> None:
    make_model("pix2pix.mine", "digits_coloured")
    photo = pictures(tmp_path / "photos", count=1) / "0.png"
    text = (ROOT / "cli" / "models.py").read_text(encoding="utf-8")
    (command,) = re.findall(r"`(ganscope translate \{card.name\} PICTURE -o OUT)`", text)
    named = {"{card.name}": "pix2pix.mine", "PICTURE": photo, "OUT": tmp_path / "out"}
    assert "8 x 8" in ok(*(named.get(word, word) for word in shlex.split(command)[1:]))


def no_net_for_labelled_images(tmp_path: Path) -> None:
    root = pictures(tmp_path / "with classes", "a", "b")
    samples = pictures(tmp_path / "samples")
    text = said("eval", samples, "--against", root)
    assert "--size 8" in text
    kept(text, "--steps", "1", *NET)
    assert "20 samples" in ok("eval", samples, "--against", root, "--metric", "kid")


def no_net_for_images_without_labels(tmp_path: Path) -> None:
    """Advises neither a net that can't be trained nor one that would be refused for its size."""
    root = pictures(tmp_path / "no classes")
    make_seer("features.large", size=16)
    text = said("eval", root, "--against", root)
    assert "which has no classes" in text
    assert "features.large" not in text
    kept(text, "--steps", "1", *NET)
    assert "`--net latest`" in text
    assert "20 samples" in ok("eval", root, "--against", root, "--metric", "kid", "--net", "latest")
    make_seer("features.small", size=8)
    text = said("eval", root, "--against", root)
    assert "with --net: features.small" in text
    assert "20 samples" in ok("eval", root, "--against", root, "--metric", "kid", "--net", "features.small")


@pytest.fixture(autouse=True)
def no_imagenet(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the ImageNet net, which can judge any images, weren't installed."""
    monkeypatch.setattr(general_nets, "PACKAGES", {"imagenet": ("nobodys_package",), "inception": ("nobodys_package",)})


@pytest.fixture(autouse=True)
def few_avatars(monkeypatch: pytest.MonkeyPatch) -> None:
    """The advised nets learn from drawn faces; drawing all of them would take seconds."""
    monkeypatch.setattr(avatars, "COUNT", 60)
    monkeypatch.setattr(avatars, "TEST_COUNT", 30)


def a_fork_with_a_remedy(tmp_path: Path) -> None:
    """For a run whose rates are 0: the fork takes the settings that the doctor names."""
    ended = ("--set", "schedule=linear", "--set", "decay_steps=2")
    run = json.loads(ok("train", "mlp_gan", "--data", "digits", "--steps", "60", *ended, *TINY, "--json"))["run"]
    forks = re.findall(r"^ *ganscope (runs fork .*)$", said("doctor", run), re.M)
    assert forks
    assert "finished at step 70" in kept(ok(*shlex.split(forks[0]), "--steps", "70"))


def an_imported_generator(tmp_path: Path) -> None:
    text = ok("import", KERAS, "--name", "keras.mine")
    kept(text.replace("OUT", str(tmp_path / "x.png")))
    with Image.open(tmp_path / "x.png") as made:
        assert made.width > 8


def weights_of_keras(tmp_path: Path) -> None:
    text = said("import", KERAS, KERAS, "--name", "both.mine")
    kept(text.replace("FILE", str(KERAS)).replace("NAME", "one.mine"))
    assert "one.mine" in ok("models", "list")


def what_is_no_net(tmp_path: Path) -> None:
    gan = trained()
    text = said("eval", gan, "--net", gan)
    kept(text, "--steps", "1", *NET)
    assert "samples of" in ok("eval", gan, "--net", "latest", "--samples", "20", "--metric", "kid")


def a_net_that_is_not_on_the_shelf(tmp_path: Path) -> None:
    from gan_core.errors import BadValue, UnknownName
    from gan_core.metrics.perception import perception

    with pytest.raises(BadValue) as caught:
        perception("features.emoji")
    (command,) = ADVISED.findall(str(caught.value))
    assert shlex.split(command)[2] in plans
    with pytest.raises(UnknownName):  # for which there is no plan
        perception("features.nonsense")


def a_judge_of_sounds(tmp_path: Path) -> None:
    from gan_core.data import source
    from gan_core.errors import BadCheckpoint
    from gan_core.gans import recipes
    from gan_core.metrics import sounds

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sounds, "judge_name", lambda: "")
        with pytest.raises(BadCheckpoint) as caught:
            sounds.judge()
    (command,) = ADVISED.findall(str(caught.value))
    _, _, recipe, _, data, _, size = shlex.split(command)
    recipes.get(recipe).check_data(source(data).spec(int(size)))


def data_that_are_not_here(tmp_path: Path) -> None:
    from gan_core.data import sources
    from gan_core.data.published import published

    for source in sources:
        for command in ADVISED.findall(source.needs):
            assert shlex.split(command)[3] in published  # tests/cli/test_data.py gets one from a server


ADVICE: dict[str, Callable[[Path], None]] = {
    "cli/data.py: data list": how_own_data_are_named,
    "cli/diagnosing.py: runs fork": a_fork_with_a_remedy,
    "cli/latent.py: directions attributes": a_model_without_directions,
    "cli/latent.py: models publish": a_run_is_not_measured,
    "cli/models.py: sample": an_imported_generator,
    "models/weight_files.py: import": weights_of_keras,
    "cli/models.py: models publish": a_run_is_not_pushed,
    "cli/models.py: models show": a_run_is_not_pushed,
    "cli/models.py: pretrain dcgan.digits": no_models,
    "cli/models.py: translate": an_imported_model,
    "cli/runs.py: runs edit": what_to_edit,
    "cli/runs.py: runs fork": an_edit_of_a_run_that_nobody_trains,
    "cli/runs.py: train": another_verb_for_a_run_that_nobody_trains,
    "cli/runs.py: train dcgan": no_runs,
    "cli/starting.py: runs fork": a_run_that_is_no_model,
    "cli/training.py: data load": skipped_files,
    "cli/training.py: models": what_the_help_names,
    "cli/training.py: recipes": which_recipes_there_are,
    "cli/training.py: recipes show": what_the_help_names,
    "cli/training.py: runs fork": a_run_that_is_done,
    "cli/training.py: runs show": a_failed_run,
    "cli/training.py: train": a_model_that_is_no_run,
    "cli/translating.py: upscale": enlarging_is_not_translating,
    "data/files.py: data get": data_that_are_not_here,
    "metrics/feature_net.py: train feature_net": what_is_no_net,
    "metrics/perception.py: pretrain": a_net_that_is_not_on_the_shelf,
    "metrics/sounds.py: train feature_net": a_judge_of_sounds,
}
MORE = (
    no_net_for_labelled_images,
    a_resumed_run_with_other_settings,
    a_loss_that_is_not_finite,
    no_net_for_images_without_labels,
)


@pytest.mark.parametrize("scenario", dict.fromkeys([*ADVICE.values(), *MORE]), ids=lambda one: one.__name__)
def test_advice_is_kept(scenario: Callable[[Path], None], tmp_path: Path) -> None:
    scenario(tmp_path)


def test_all_advice_is_registered() -> None:
    """A command that a new message names needs a scenario above."""
    found = {
        f"{path.relative_to(ROOT).as_posix()}: {command}"
        for path in sorted(ROOT.rglob("*.py"))
        for command in advised_in(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert found == ADVICE.keys()


def advised_in(tree: ast.Module) -> Iterator[str]:
    """The first words of each command that messages name: in backticks, or made by `command(...)`."""
    documented = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
        and node.body and isinstance(node.body[0], ast.Expr)
    }  # fmt: skip
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documented:
            for words in re.findall(r"`ganscope ((?:[a-z][a-z_.-]* ?)+)", node.value):
                yield words.strip()
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "command":
            literal = [
                word.value for word in node.args if isinstance(word, ast.Constant) and isinstance(word.value, str)
            ]
            if literal:
                yield " ".join(word for word in literal if not word.startswith("--"))


def test_no_command_is_named_outside_backticks() -> None:
    """Otherwise the test above wouldn't find them, and readers couldn't see where a command ends."""
    for path in sorted((ROOT / "cli").glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            text = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
            if "\n" not in text and "help" not in text:  # docstrings are the help
                assert not re.search(r"(?<!`)ganscope (?:train|runs|eval|data|pretrain|models)\b", text), text


# --- mistyped names --------------------------------------------------------------------------------------------------


def test_a_mistyped_name_lists_models_and_runs_the_nearest_first(store: RunStore, tmp_path: Path) -> None:
    make_model("mlp_gan.digits")
    make_model("cgan.digits")
    make_run(store, "my first run")
    for _ in range(12):
        make_run(store)
    photo = pictures(tmp_path / "photos", count=1) / "0.png"
    for arguments in (
        ("sample", "mlp_gan.digit", "-o", tmp_path / "x.png"),
        ("translate", "mlp_gan.digit", photo, "-o", tmp_path / "x.png"),
        ("upscale", "mlp_gan.digit", photo, "-o", tmp_path / "x.png"),
        ("interpolate", "mlp_gan.digit", "-o", tmp_path / "x.gif"),
        ("directions", "mlp_gan.digit"),
        ("eval", "mlp_gan.digit"),
    ):
        result = ganscope(*arguments)
        assert result.exit_code == 2
        assert re.search(r"'mlp_gan\.digit'\. Valid: mlp_gan\.digits, ", result.stderr), result.stderr
        assert "cgan.digits" in result.stderr
        assert store.runs()[0].id in result.stderr
    # the nearest, though a dozen runs are newer
    assert "Valid: my first run, " in ganscope("sample", "my frist run", "-o", tmp_path / "x.png").stderr
    assert "Valid: my first run, " in ganscope("runs", "show", "my frist run").stderr


def test_without_models_and_runs_nothing_is_listed(store: RunStore, tmp_path: Path) -> None:
    message = ganscope("sample", "latest", "-o", tmp_path / "x.png").stderr
    assert message == "Error: There is no model or run named 'latest'; none exists yet.\n"


# --- sizes -----------------------------------------------------------------------------------------------------------


def test_own_data_allow_all_sizes_of_the_recipes(tmp_path: Path) -> None:
    from gan_core.data.base import LARGEST_SIDE, SMALLEST_SIDE
    from gan_core.gans import recipes

    sizes = [size for recipe in recipes for size in recipe.sizes if recipe.task != "points"]
    assert (min(sizes), max(sizes)) == (SMALLEST_SIDE, LARGEST_SIDE)
    root = pictures(tmp_path / "large", side=64, count=3)
    for size in (512, 1024):
        shape = json.loads(ok("data", "load", f"folder:{root}", "--size", str(size), "--json"))["shape"]
        assert shape == [3, size, size]
