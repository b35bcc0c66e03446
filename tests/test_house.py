"""Rules of the house: which folder may import which, nothing heavy before it is needed, the guides are correct."""

from __future__ import annotations

import ast
import importlib
import json
import os
import re
import shutil
import subprocess
import sys
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import numpy as np
import pytest

from gan_core import data
from gan_core.data import sources
from gan_core.gans import recipes
from gan_core.training.trainer import Trainer
from tests.data.offered import write_idx

ROOT = Path(__file__).parent.parent


def python(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=120
    ).stdout.strip()


def test_the_library_imports_no_front_end_and_the_light_parts_no_torch() -> None:
    code = """
import sys
import gan_core.data, gan_core.runs.store, gan_core.runs.spec, gan_core.knobs, gan_core.hparams
import gan_core.models.listing
light = [name for name in ("torch", "torchvision", "sklearn", "scipy") if name in sys.modules]
import gan_core.training.session, gan_core.models.sampler
heavy = [name for name in ("streamlit", "gradio", "plotly", "torchvision", "sklearn") if name in sys.modules]
print(light, heavy)
"""
    assert python(code) == "[] []"


def test_the_front_ends_paint_before_torch() -> None:
    """The Studio's tabs never load Streamlit, neither front end needs torch to show its first page, and Gradio's type
    stubs are neither read nor written.
    """
    studio = """
import sys
stubs = []
sys.addaudithook(lambda event, found: event == "open" and str(found[0]).endswith(".pyi") and stubs.append(found[0]))
import gradio_app
print([name for name in ("streamlit", "plotly", "torch", "torchvision") if name in sys.modules], stubs)
"""
    assert python(studio) == "[] []"


# From bottom to top: a folder, or a module next to them, imports what is listed before it, never what comes after it.
ROOMS = (
    "gan_core.errors", "gan_core.version", "gan_core.registry", "gan_core.paths", "gan_core.disk", "gan_core.files",
    "gan_core.roles", "gan_core.knobs", "gan_core.hparams", "gan_core.cores", "gan_core.ranks",
    "gan_core.layers", "gan_core.pictures", "gan_core.data", "gan_core.media", "gan_core.fitting",
    "gan_core.checkpoint", "gan_core.objectives", "gan_core.runs", "gan_core.doctor", "gan_core.gans",
    "gan_core.models", "gan_core.views", "gan_core",
    "gan_core.metrics", "gan_core.teaching", "gan_core.latent", "gan_core.training", "gan_core.segmentation",
    "gan_core.exporting", "gan_core.shelf", "gan_core.study", "gan_core.evaluation", "gan_core.search", "gan_core.cli",
    "gan_core.__main__", "ui", "ui.languages", "ui.core_texts", "ui.attributes", "ui.metric_names", "ui.texts",
    "ui.studio_process", "ui.headers", "ui.classroom", "ui.classroom.shell", "ui.classroom.train", "ui.classroom.live",
    "ui.classroom.playground", "ui.classroom.models", "ui.classroom.home", "ui.classroom.learn",
    "ui.classroom.folklore", "ui.classroom.molecules", "ui.classroom.motion", "ui.classroom.language",
    "ui.classroom.music", "ui.classroom.sound",
    "ui.classroom.runs", "ui.classroom.evaluate", "ui.classroom.search", "ui.classroom.study", "ui.classroom.space",
    "ui.classroom.labels",
    "pages", "app", "ui.studio", "ui.studio.models",
    "ui.studio.view", "ui.studio.requests", "ui.studio.widgets", "ui.studio.preview", "ui.studio.server", "tabs",
    "gradio_app", "serving",
)  # fmt: skip
FRONT_ENDS = (("pages", "app", "ui.classroom"), ("tabs", "gradio_app", "ui.studio"))  # neither imports the other
HEAVY = {"gradio": FRONT_ENDS[1], "streamlit": FRONT_ENDS[0]}  # the only importers of some packages


def modules() -> dict[str, Path]:
    paths = [*(path for top in ("gan_core", "ui", "pages", "tabs", "serving") for path in (ROOT / top).rglob("*.py"))]
    paths += [ROOT / "app.py", ROOT / "gradio_app.py"]
    return {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in paths}


@cache
def nodes() -> dict[str, list[ast.AST]]:
    """All syntax nodes of each of our modules."""
    return {name: list(ast.walk(ast.parse(path.read_text(encoding="utf-8")))) for name, path in modules().items()}


@cache
def imports() -> dict[str, set[str]]:
    """The imports of each of our modules, anywhere in it."""
    known, found = modules(), {}
    for name, inside_it in nodes().items():
        found[name] = set[str]()
        for node in inside_it:
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0, name
                whole = [f"{node.module}.{one.name}" for one in node.names]
                found[name] |= {one if one in known else str(node.module) for one in whole}
            elif isinstance(node, ast.Import):
                found[name] |= {one.name for one in node.names}
    return found


def test_scripts_import_what_exists() -> None:
    """Benchmarks and the docs' scripts, many of which only run before a release; mypy doesn't read them."""
    scripts = {
        f"{folder}.{path.stem}": path for folder in ("benchmarks", "docs") for path in (ROOT / folder).glob("*.py")
    }
    ours, missing = modules() | scripts, set()
    for name, path in scripts.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module in ours:
                names = {one.name for one in node.names if f"{node.module}.{one.name}" not in ours}
                missing |= {f"{name}: {node.module}.{one}" for one in names if one not in _offered(ours[node.module])}
    assert missing == set()


@cache
def _offered(path: Path) -> set[str]:
    """The names that a module has, however they are made."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    named = {node.name for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    made = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    aliases = [one for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom)) for one in node.names]
    return named | made | {one.asname or one.name for one in aliases}


def room(name: str) -> str:
    """The entry of `ROOMS` that a module belongs to."""
    return next(start for length in range(name.count(".") + 1, 0, -1) if (start := _first(name, length)) in ROOMS)


def _first(name: str, parts: int) -> str:
    return ".".join(name.split(".")[:parts])


def inside(name: str, folders: tuple[str, ...]) -> bool:
    return any(name == folder or name.startswith(f"{folder}.") for folder in folders)


def test_no_arrow_goes_upwards_and_no_circle_is_closed() -> None:
    """Of folders by their order, which is that of docs/architecture.md; of modules by following their imports."""
    known = modules()
    arrows = {name: {one for one in used if one in known} for name, used in imports().items()}
    upwards = {
        f"{name} -> {one}"
        for name, used in arrows.items()
        for one in used
        if room(name) != room(one) and ROOMS.index(room(one)) > ROOMS.index(room(name))
    }
    assert upwards <= {"gan_core -> gan_core.models.loading", "gan_core -> gan_core.models.sampler"}  # in `load`
    TopologicalSorter(
        {name: used for name, used in arrows.items() if name != "gan_core"}
    ).prepare()  # raises of circles


def test_the_slow_mark_is_in_the_files_of_its_tests() -> None:
    """`make slow` imports only those that name it."""
    mark = "pytest.mark." + "slow"
    named = [path for path in (ROOT / "tests").rglob("*.py") if mark in path.read_text(encoding="utf-8")]
    assert named
    assert all(path.name.startswith("test_") for path in named), named


def test_a_front_end_is_a_folder() -> None:
    """Code used by only one of them is in its folder; nothing that both share imports Streamlit or Gradio."""
    for name, used in imports().items():
        for mine, other in (FRONT_ENDS, FRONT_ENDS[::-1]):
            assert not (inside(name, mine) and [one for one in used if inside(one, other)]), name
        for library, folders in HEAVY.items():
            assert inside(name, folders) or not [one for one in used if inside(one, (library,))], (name, library)
    assert len([path for path in (ROOT / "ui").iterdir() if path.is_file()]) < 10


def test_adding_a_gan_as_the_contributors_guide_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The example of CONTRIBUTING.md is added to the others and trained by the trainer.

    `tests/test_contributing.py` does all steps of the guide in a copy.
    """
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    example = re.search(r"```python\n(.*?)```", text, re.S)
    assert example is not None
    code = example.group(1).replace("linear_gan", "guide_gan")  # a contributor may have followed the guide
    (tmp_path / "guide_gan.py").write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(recipes, "_items", dict(recipes._items))  # it is removed again afterwards
    importlib.import_module("guide_gan")
    recipe = recipes.get("guide_gan")
    trainer = Trainer(recipe, recipe.tiny, data.load("digits", 8))
    for _ in range(5):
        result = trainer.train_step()
    assert (recipe.title, trainer.step) == ("Linear GAN", 5)
    assert all(term.isfinite() for term in result.terms.values())


def test_only_a_set_and_the_recipes_name_a_data_set() -> None:
    """Knowledge about a set is in its file; all other code uses the catalogue."""
    names = set(sources.names())
    may = ("gan_core.gans", "gan_core.data.sets", "gan_core.models.plans", "gan_core.metrics.digit_classifier",
           "gan_core.teaching")  # fmt: skip
    offenders = [
        f"{name}:{node.lineno} {node.value}"
        for name, inside_it in nodes().items()
        if inside(name, ("gan_core",)) and not inside(name, may)
        for node in inside_it
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.rpartition(":")[2] in names
    ]
    assert not offenders
    sets = ("gan_core.data.sets",)
    users = {name for name, used in imports().items() if [one for one in used if inside(one, sets)]}
    assert [name for name in users if inside(name, ("gan_core",)) and not inside(name, sets)] == ["gan_core.data"]


def test_adding_a_data_set_as_its_page_says(tmp_path: Path) -> None:
    """Both steps of docs/add_a_data_set.md are done in a copy, and the command line loads the set."""
    page = (ROOT / "docs" / "add_a_data_set.md").read_text(encoding="utf-8")
    module, line = re.findall(r"```python\n(.*?)```", page, re.S)
    for folder in ("gan_core", "tests"):  # with compiled files, because compiling takes seconds
        shutil.copytree(ROOT / folder, tmp_path / folder)
    sets = tmp_path / "gan_core" / "data" / "sets"
    place = re.search(r"Write `(.*)`:", page)
    assert place is not None
    (tmp_path / place.group(1)).write_text(module, encoding="utf-8")
    listed = (sets / "__init__.py").read_text(encoding="utf-8")
    above = "import fashion_mnist as fashion_mnist\n"
    assert above in listed
    (sets / "__init__.py").write_text(listed.replace(above, above + line), encoding="utf-8")
    images = np.random.default_rng(0).integers(0, 256, (30, 28, 28), dtype=np.uint8)
    for part, count in (("train", 20), ("t10k", 10)):
        write_idx(tmp_path / f"data/KMNIST/raw/{part}-images-idx3-ubyte.gz", images[:count])
        write_idx(tmp_path / f"data/KMNIST/raw/{part}-labels-idx1-ubyte.gz", np.arange(count, dtype=np.uint8) % 10)

    # one process for all commands, because each would import the same
    commands = [("list", "--json"), *((*words, "--json") for words in ASKED)]
    places = {"GANSCOPE_DATA": str(tmp_path / "data"), "GANSCOPE_HOME": str(tmp_path / "home")}
    environment = os.environ | places | {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", IN_A_COPY, json.dumps(commands)], cwd=tmp_path, env=environment, capture_output=True,
        text=True, check=True, timeout=120,
    )  # fmt: skip
    listed_sets, shown, *loaded, described = done.stdout.strip().split("\0")
    names = [one["name"] for one in json.loads(listed_sets)]
    assert names.index("kmnist") == names.index("fashion_mnist") + 1
    facts = json.loads(shown)
    assert (facts["title"], facts["available"], len(facts["classes"])) == ("Kuzushiji-MNIST", True, 10)
    for answer, count in zip(map(json.loads, loaded), (20, 10), strict=True):
        assert (answer["images"], answer["shape"]) == (count, [1, 28, 28])
    assert "1 passed" in described


ASKED = (("show", "kmnist"), ("load", "kmnist"), ("load", "test:kmnist"))
IN_A_COPY = """
import json, sys
from pathlib import Path
import gan_core, gan_core.cli
assert Path(gan_core.__file__).is_relative_to(Path.cwd()), gan_core.__file__
for words in json.loads(sys.argv[1]):
    try:
        gan_core.cli.app(["data", *words])
    except SystemExit as end:
        assert not end.code, (words, end.code)
    print(end="\\0", flush=True)
import pytest
sys.exit(pytest.main([
    "-q", "-p", "no:xdist", "-p", "no:cacheprovider", "tests/data/test_sources.py::test_every_source_is_described"
]))
"""


def test_the_readme_names_what_exists() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for path in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (ROOT / path).exists(), path
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"`make (\w+)`", text):
        assert f"\n{target}:" in makefile
