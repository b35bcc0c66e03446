"""Rules of the house: no front end in gan_core, nothing heavy before it is needed, the contributor's example works."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

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


def test_the_front_ends_do_not_import_each_other_and_paint_before_torch() -> None:
    """`tabs/` and what they share never load Streamlit, pages never Gradio; neither needs torch to show a page."""
    studio = """
import sys
import gradio_app
print([name for name in ("streamlit", "plotly", "torch", "torchvision") if name in sys.modules])
"""
    assert python(studio) == "[]"
    pages = sorted([ROOT / "app.py", *(ROOT / "pages").glob("*.py")])
    shared = sorted(path for path in (ROOT / "ui").glob("*.py") if not path.name.startswith("studio"))
    for path in (*pages, *shared):
        imported = set(re.findall(r"^\s*(?:from|import) ([\w.]+)", path.read_text(encoding="utf-8"), re.M))
        wrong = {name for name in imported if name.split(".")[0] in {"gradio", "tabs"} or "studio" in name}
        assert not wrong, path.name
    for path in (*(ROOT / "tabs").glob("*.py"), *(ROOT / "ui").glob("studio*.py")):
        assert not re.search(r"^\s*(?:from|import) (?:streamlit|pages)", path.read_text(encoding="utf-8"), re.M), (
            path.name
        )


def test_adding_a_gan_as_the_contributors_guide_says(tmp_path: Path) -> None:
    """The example of CONTRIBUTING.md is written beside the others and trained by the trainer."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    example = re.search(r"```python\n(.*?)```", text, re.S)
    assert example is not None
    (tmp_path / "linear_gan.py").write_text(example.group(1), encoding="utf-8")
    code = f"""
import sys
sys.path.insert(0, {str(tmp_path)!r})
import gan_core.gans, linear_gan
from gan_core import data
from gan_core.gans import recipes
from gan_core.training.trainer import Trainer
recipe = recipes.get("linear_gan")
trainer = Trainer(recipe, recipe.tiny, data.load("digits", 8))
for _ in range(5):
    result = trainer.train_step()
print(recipe.title, trainer.step, all(term.isfinite() for term in result.terms.values()))
"""
    assert python(code) == "Linear GAN 5 True"


def test_the_readme_names_what_exists() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for path in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (ROOT / path).exists(), path
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"`make (\w+)`", text):
        assert f"\n{target}:" in makefile
