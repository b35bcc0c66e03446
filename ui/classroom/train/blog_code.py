"""The code of a tutorial next to the equation of the equivalent preset."""

from __future__ import annotations

import streamlit as st

from gan_core.gans import Preset, Recipe
from gan_core.hparams import TrainingHParams
from gan_core.teaching import blogs
from ui.classroom.shell.i18n import _
from ui.texts import number

COMMAND = "python -m gan_core.teaching.blogs.{name}"


def show(recipe: Recipe, preset_name: str, latex: str) -> None:
    """A button that opens the code of a preset, where there is one; `latex` is the equation."""
    if not blogs.code(preset_name):
        return
    if st.button(_("The same in PyTorch"), icon=":material/code:", key="setup-code"):
        preset = recipe.preset(preset_name)
        st.dialog(_(preset.title), width="large")(_content)(recipe, preset, latex)


def _content(recipe: Recipe, preset: Preset, latex: str) -> None:
    st.markdown(
        _("This script trains the preset in plain PyTorch. With the same seed the losses of the first steps are the "
          "same; only dropout draws other units. Run it:")
    )  # fmt: skip
    st.code(COMMAND.format(name=preset.name), language="sh")
    left, right = st.columns([2, 5], gap="medium")
    with left, st.container(key="blog-equation"):
        st.latex(latex)
        settings = recipe.settings(preset.hparams)
        for words in _facts(settings):
            st.markdown(f"- {words}")
    with right:
        st.code(blogs.code(preset.name), language="python")


def _facts(settings: TrainingHParams) -> list[str]:
    """What the script and the preset have in common, in words."""
    rate = getattr(settings, "generator_rate", 0.0)
    return [
        _("Adam, learning rate {rate}, betas {beta1} and {beta2}").format(
            rate=f"{rate:g}", beta1=f"{settings.beta1:g}", beta2=f"{settings.beta2:g}"
        ),
        _("{count} images a batch").format(count=number(settings.batch_size)),
        _("D first, then G with the same fake images"),
    ]
