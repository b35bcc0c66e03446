"""The page Space: a scene of a 3D-aware generator, turned by sliders, as film and as mesh."""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from gan_core.data.solids.camera import PITCH, YAW
from gan_core.models import listing
from gan_core.runs.store import Run
from ui.classroom.shell import warm
from ui.classroom.shell.errors import showing_errors
from ui.classroom.shell.grids import film, picture
from ui.classroom.shell.i18n import STATE, _
from ui.classroom.shell.run_titles import distinct_titles
from ui.classroom.shell.store import store
from ui.texts import number, titles

if TYPE_CHECKING:
    from gan_core.models.sampler import Sampler
    from gan_core.views import Scene, View

MOST_SEED = 2**31 - 1
WIDE = 384  # pixels at which views are shown
SIDE = 32  # pixels at which they are rendered, where the model learnt from smaller pictures
BESIDE = 20  # degrees between the two views that are compared
RUN = "run:"  # before a run's id among the choices
TASK = "views"


def show() -> None:
    """Renders the page."""
    st.title(_("Space: scenes from every side"), anchor=False)
    st.markdown(
        _("A GAN that learnt from single pictures with known camera poses. Its generator makes a scene, three planes "
          "of features, and a camera renders it: the sliders move the camera, and the scene stays the same.")
    )  # fmt: skip
    with showing_errors():
        choices = _choices()
        if not choices:
            _empty()
            return
        title = _("Model or run")
        chosen = str(st.selectbox(title, list(choices), format_func=choices.__getitem__, key="space-model", width=420))
        _scene(chosen)


def _choices() -> dict[str, str]:
    """Models of the shelf and runs with a checkpoint that make scenes, with their titles."""
    cards, _damaged = listing.survey()
    runs = [run for run in store().runs() if _is_scene(run)]
    found = titles({name: card for name, card in cards.items() if card.task == TASK})
    return found | {RUN + run.id: title for run, title in zip(runs, distinct_titles(runs), strict=True)}


def _is_scene(run: Run) -> bool:
    from gan_core.data import task_of

    return task_of(run.spec.data) == TASK and bool(store().checkpoints(run.id))


def _empty() -> None:
    st.info(_("There is no model of scenes yet. Train one; it takes some minutes."), icon=":material/view_in_ar:")
    st.page_link(
        "pages/train.py", label=_("Train a 3-D GAN"), icon=":material/model_training:",
        query_params={"recipe": "triplane", "preset": "solids", "lang": st.session_state.get(STATE, "en")},
    )  # fmt: skip


@st.cache_resource(show_spinner=False, max_entries=4)
def _loaded(key: str, version: str) -> Sampler:
    """Returns a model by its key; `version` is the checksum of its weights."""
    from gan_core.models import loading

    return loading.from_run(store(), key.removeprefix(RUN)) if key.startswith(RUN) else loading.load(key)


def _version(key: str) -> str:
    if key.startswith(RUN):
        return store().checkpoints(key.removeprefix(RUN))[-1].sha256
    return listing.card(key).sha256


@st.fragment
def _scene(key: str) -> None:
    """Renders controls and views; a change reruns only this fragment."""
    with showing_errors():
        with st.spinner(_("Loading the model …")):
            warm.now()
            version = _version(key)
            sampler = _loaded(key, version)
        from gan_core.views import Scene

        with st.container(horizontal=True, vertical_alignment="bottom", gap="large"):
            seed = int(st.number_input(_("Seed"), 0, MOST_SEED, key="space-seed", width=150,
                                       help=_("Determines the scene.")))  # fmt: skip
            yaw = st.slider(_("Yaw"), int(YAW[0]), int(YAW[1]), 30, 5, format="%d°", key="space-yaw", width=300,
                            help=_("Moves the camera around the scene."))  # fmt: skip
            pitch = st.slider(_("Pitch"), int(PITCH[0]), int(PITCH[1]), 20, 5, format="%d°", key="space-pitch",
                              width=220, help=_("Raises the camera."))  # fmt: skip
        began = time.perf_counter()
        scene = Scene(sampler, seed)
        view = scene.view(yaw, pitch, max(SIDE, sampler.spec.size))
        seconds = time.perf_counter() - began
        _views(view)
        st.caption(
            _("Rendered in {milliseconds} ms. {agreement}").format(
                milliseconds=round(1000 * seconds), agreement=_agreement(scene, view)
            )
        )
        _taken_along(scene, view, (key, version, seed))


def _views(view: View) -> None:
    from gan_core.pictures.grids import enlarge, png

    pictures = (
        (view.image, _("Picture"), _("The scene from this pose")),
        (view.depth_image, _("Depth: near is bright"), _("Distances from the camera as brightness")),
    )
    with st.container(horizontal=True, gap="medium"):
        for image, caption, alt in pictures:
            picture(png(enlarge(image, WIDE)), alt=alt, width=WIDE, caption=caption)


def _agreement(scene: Scene, view: View) -> str:
    """Describes how well the view, warped by its depth, matches the view 20 degrees further."""
    from gan_core.views.agreement import agreement

    beside = view.yaw + BESIDE if view.yaw + BESIDE <= YAW[1] else view.yaw - BESIDE
    found = agreement(view, scene.view(beside, view.pitch, len(view.depth)))
    if math.isnan(found.psnr):
        return _("Too little is seen from both sides to compare two views.")
    return _(
        "Warped by its depth to a pose {degrees}° away, it matches the view from there with a PSNR of {psnr} dB "
        "(over the {share} % of the scene seen by both)."
    ).format(degrees=BESIDE, psnr=f"{found.psnr:.1f}", share=round(100 * found.share))


def _taken_along(scene: Scene, view: View, of: tuple[str, str, int]) -> None:
    """Offers the film of a turn and the mesh, made on request and kept until another scene is chosen.

    `of` identifies the scene: model, version and seed. A film also depends on the camera's height.
    """
    from gan_core.views import mesh

    key, _checksum, seed = of
    name, turned = f"ganscope-{key.removeprefix(RUN)}-seed{seed}", (*of, view.pitch)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(_("Film of a turn"), icon=":material/360:", key="space-turn", on_click=_ask, args=("film", turned))
        st.button(
            _("Mesh (OBJ)"), icon=":material/deployed_code:", key="space-mesh", disabled=not mesh.available(),
            help=None if mesh.available() else _(mesh.MISSING), on_click=_ask, args=("mesh", of),
        )  # fmt: skip
    if st.session_state.get("space-asked-film") == turned:
        with st.spinner(_("Turning the scene …")):
            content = _kept("film", turned, lambda: _film(scene, view))
        film(content, alt=_("Film of a turn"), width=WIDE, caption=_("One turn"))
        st.download_button(_("Download (WebP)"), content, f"{name}.webp", "image/webp", icon=":material/movie:",
                           key="space-turn-file", on_click="ignore")  # fmt: skip
    if st.session_state.get("space-asked-mesh") == of:
        shape = _kept("mesh", of, lambda: mesh.mesh(scene))
        words = _("{points} points, {faces} triangles, with colours.")
        st.caption(words.format(points=number(len(shape.points)), faces=number(len(shape.faces))))
        st.download_button(_("Download (OBJ)"), mesh.obj(shape), f"{name}.obj", "model/obj",
                           icon=":material/deployed_code:", key="space-mesh-file", on_click="ignore")  # fmt: skip


def _ask(what: str, asked: tuple[object, ...]) -> None:
    st.session_state[f"space-asked-{what}"] = asked


def _kept(what: str, asked: tuple[object, ...], make: Callable[[], Any]) -> Any:
    """Returns the stored result of the same request, else the result of `make`."""
    known = st.session_state.get(f"space-made-{what}")
    if known is None or known[0] != asked:
        known = st.session_state[f"space-made-{what}"] = (asked, make())
    return known[1]


def _film(scene: Scene, view: View) -> bytes:
    """One turn at the view's height and size."""
    from gan_core.views.turning import turn

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "turn.webp"
        turn(scene, path, view.pitch, side=WIDE, size=len(view.depth))
        return path.read_bytes()
