"""The Studio's API: seven stateless calls with named values, files in and files out.

    generate     a picture by its seed, with truncation, class and edits          PNG
    mix          a picture with some layers of another one                        PNG
    interpolate  a film from picture to picture                                   MP4, GIF or WebP
    invert       the closest picture that a model can generate to a given one     PNG
    translate    a picture translated to another domain                           PNG
    inpaint      a picture whose masked part is filled in                         PNG
    enlarge      a picture enlarged                                               PNG

See `docs/api.md` for examples. Missing or None values take their defaults; an empty model is the first suitable one.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from inspect import signature
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from gan_core.errors import BadValue, UnknownName
from gan_core.pictures.photos import MOST_PIXELS
from ui.languages import _
from ui.studio.models.costs import (
    KINDS,
    LONGEST,
    LONGEST_HOSTED,
    MOST_HOSTED,
    MOST_KEYFRAMES,
    SECONDS,
    SIZES,
    enlarging_cost,
    film_cost,
)
from ui.studio.models.image_models import TRANSLATING, image_models, made, open_image_model, taken
from ui.studio.models.opened import Opened, hosted, offered, opened
from ui.studio.requests.calls import callback
from ui.studio.requests.jobs import Tell, workshop
from ui.studio.requests.page import result
from ui.studio.requests.uploads import FORMATS, LARGE_BYTES, Limits, clean, received
from ui.studio.view.bands import BANDS, band_layers
from ui.studio.view.pictures import drawn, marked, picture, write_marked
from ui.studio.view.view import MOST_PSI, MOST_SEED, View, checked_seed, edits_of, first_view, points_of

ENLARGING, FILLING = ("super_resolution",), ("inpainting",)
SEARCH = 120.0  # maximum seconds of an inversion
STEPS = (50, 600)
WAYS = ("linear", "spherical", "smooth")
OPAQUE = 128  # mask level of 255 from which a pixel counts as masked


# --- the calls -------------------------------------------------------------------------------------------------------


def generate(
    model: str = "", seed: float | None = None, truncation: float | None = None, label: str | float = "",
    edits: Any = None,
) -> str:  # fmt: skip
    """Generates a picture. `edits`: {"mouth: smile": 2} or "mouth: smile*2, PCA 1*-1.5@0-3" (layers after the @)."""
    view = _view(model, seed, truncation)
    if label not in ("", None):
        view = replace(view, label=_label(opened(view.model), label))
    view = replace(view, changes=edits_of(_edits(edits), opened(view.model)))
    return _saved(picture(view), f"{view.model}-seed{view.seed}", view.query())


def mix(
    model: str = "", seed_a: float | None = None, seed_b: float | None = None, band: str = "coarse",
    first_layer: float | None = None, truncation: float | None = None,
) -> str:  # fmt: skip
    """Generates picture A with layers of B: "coarse", "middle", "fine", or "from" layer `first` on."""
    from gan_core.latent.mixing import mixed

    a, b = (
        _view(model or _styled(), seed_a, truncation),
        _view(model or _styled(), 2 if seed_b is None else seed_b, truncation),
    )
    chosen = opened(a.model)
    if band not in BANDS:
        raise BadValue("Unknown layer range '{name}'. Valid: {valid}.", name=band[:20], valid=", ".join(BANDS))
    if not chosen.explorer.layers:
        raise BadValue(
            "{recipe} is not style-based: it has no w per layer to mix.", recipe=chosen.explorer.sampler.recipe.title
        )
    layers = band_layers(chosen.explorer.layers, band, int(first_layer or 0))
    points = mixed(chosen.explorer, points_of(a), points_of(b), layers)
    return _saved(drawn(chosen.explorer, points)[0], f"{a.model}-{a.seed}-{b.seed}-{band}")


def interpolate(
    model: str = "", seeds: Any = None, way: str = "smooth", closed: bool = True, kind: str = "MP4",
    seconds: float = 1.5, size: float = 256, truncation: float | None = None,
) -> str:  # fmt: skip
    """Makes a film through the pictures of some seeds: `seconds` per keyframe, `size` pixels wide."""
    from gan_core.latent.film import write_film
    from gan_core.latent.interpolation import interpolate
    from gan_core.latent.points import joined

    keyframes = [_view(model, seed, truncation) for seed in _seeds(seeds)]
    chosen, parts = opened(keyframes[0].model), len(keyframes) - (not closed)
    rate = KINDS[kind][0]
    frames = max(len(keyframes), round(parts * seconds * rate))
    cost = film_cost(kind, frames, size, magnifies=chosen.explorer.magnifies)
    job = f"film {kind} {chosen.name}"
    workshop.check(job, cost)
    path = result(f"{chosen.name}-way.{kind.lower()}")
    points = interpolate(chosen.explorer, joined([points_of(one) for one in keyframes]), frames, closed, way)
    explorer = chosen.explorer.apart()  # so that it doesn't block the model's sliders
    _done(lambda tell: write_film(explorer, points, path, rate, int(size), tell), job, cost)
    return str(path)


def invert(picture: str, model: str = "", steps: float = 100) -> str:
    """Searches for the latent point whose picture is closest to a given one, and generates it."""
    from gan_core.latent.inversion import Settings, invert, prepared

    image = _upload(picture)
    chosen = opened(_first_of(model, offered()))
    settings = Settings(steps=int(steps), start="nearest" if chosen.encode is None else "encoder")

    def searched(tell: Tell) -> Any:
        explorer, end = chosen.explorer.apart(), time.monotonic() + SEARCH
        for found in invert(explorer, prepared(image, explorer), settings, encode=chosen.encode):
            tell(found.share, None)
            if time.monotonic() > end:
                break
        return found

    found = _done(searched, f"search {chosen.name}", longest=2 * SEARCH)
    return _saved(drawn(chosen.explorer, found.points)[0], f"{chosen.name}-found", f"psnr={found.psnr:.2f}")


def translate(picture: str, model: str = "", direction: str = "", strength: float | None = None) -> str:
    """Translates a picture to another domain, for example a drawing to a colour picture."""
    image = _upload(picture)
    chosen = open_image_model(_first_of(model, image_models(TRANSLATING)), TRANSLATING)
    direction = direction or chosen.directions[0]
    if direction not in chosen.directions:
        raise BadValue("{recipe} has no direction '{direction}'. Valid: {valid}.", recipe=chosen.card.title,
                       direction=direction[:40], valid=", ".join(chosen.directions))  # fmt: skip
    if strength is not None and chosen.strength is not None:
        chosen = chosen.at(strength)
    return _saved(made(chosen.sampler.translate(taken(chosen, image), direction)), "translated")


def inpaint(picture: str, mask: str, model: str = "") -> str:
    """Fills in the masked part of a picture: where the mask is opaque, or white if it has no transparency."""
    import torch

    image, hole = _upload(picture), _mask(mask)
    chosen = open_image_model(_first_of(model, image_models(FILLING)), FILLING)
    given = taken(chosen, image)
    if not 0.95 < (hole.width * image.height) / (hole.height * image.width) < 1.05:
        raise BadValue(
            "The mask ({wide} x {high} pixels) must have the same proportions as the picture ({width} x {height}).",
            wide=hole.width, high=hole.height, width=image.width, height=image.height,
        )  # fmt: skip
    painted = np.asarray(_square(hole).resize((chosen.size, chosen.size), Image.Resampling.BOX)) >= OPAQUE
    if painted.any():
        given = chosen.sampler.fill(given, torch.from_numpy(painted.copy())[None, None])  # (H, W) -> (1, 1, H, W)
    return _saved(made(given), "filled")


def enlarge(picture: str, model: str = "", scale: float | None = None) -> str:
    """Enlarges a picture, keeping bit depth and transparency."""
    from gan_core.models.enlarging import enlarge as enlarged
    from gan_core.pictures import photos

    most, longest = (MOST_HOSTED, LONGEST_HOSTED) if hosted() else (MOST_PIXELS, LONGEST)
    with received(_given(picture), Limits(LARGE_BYTES, most, 1, (*FORMATS, "TIFF"))):
        array = photos.read(Path(picture), most)
    chosen = open_image_model(_first_of(model, image_models(ENLARGING)), ENLARGING)
    path = result(f"{Path(picture).stem}-enlarged.png")
    cost = enlarging_cost(chosen, array)
    workshop.check(*cost, longest)
    _done(
        lambda tell: write_marked(path, enlarged(chosen.sampler, array, int(scale or 0), progress=tell)),
        *cost, longest,
    )  # fmt: skip
    return str(path)


# --- what they share -------------------------------------------------------------------------------------------------


def _done(work: Callable[[Tell], Any], kind: str, cost: float = 0.0, longest: float | None = None) -> Any:
    """Runs a long job in its turn and returns its result."""
    *_news, last = workshop.run(work, kind, cost, longest)
    return last.made


def _view(model: str, seed: float | None, truncation: float | None) -> View:
    view = first_view(_first_of(model, offered()))
    psi = view.psi if truncation is None or not opened(view.model).truncates else float(truncation)
    return replace(view, seed=checked_seed(1 if seed is None else int(seed)), psi=psi)


def _first_of(model: str, valid: Mapping[str, Any]) -> str:
    """Returns the model of this name, by default the first one; raises UnknownName."""
    if not valid:
        raise BadValue("There are no models yet.")
    if model and model not in valid and not model.startswith("run:"):
        raise UnknownName("model", model[:60], valid)
    return model or next(iter(valid))


def _styled() -> str:
    return next((name for name, card in offered().items() if "style_mixing" in card.capabilities), "")


def _label(model: Opened, label: str | float) -> int:
    """Returns a class by number or name; raises BadValue."""
    if not model.explorer.sampler.recipe.conditional:
        raise BadValue("{recipe} is unconditional, so no class can be chosen.",
                       recipe=model.explorer.sampler.recipe.title)  # fmt: skip
    classes, names = model.explorer.sampler.spec.classes, model.card.class_names
    if isinstance(label, str) and label in names:
        return names.index(label)
    number = int(float(label)) if str(label).removesuffix(".0").isdecimal() and len(str(label)) < 9 else classes
    if number >= classes:
        raise BadValue("{name} can't be '{value}'. Valid: {valid}.", name="class", value=str(label)[:40],
                       valid=", ".join(names or map(str, range(classes))))  # fmt: skip
    return number


def _edits(edits: Any) -> str:
    """Returns the edits in the form of links; raises BadValue."""
    if isinstance(edits, dict):
        edits = ",".join(f"{name}*{strength}" for name, strength in edits.items())
    if not isinstance(edits, str | None):
        raise BadValue("'{text}' isn't a valid edit. Example: {example}", text=str(edits)[:60], example="PCA 1*2.5")
    return edits or ""


def _seeds(seeds: Any) -> list[int]:
    """Returns integers from a list or text; raises BadValue."""
    parts = [1, 2, 3, 4] if seeds is None else re.split(r"[\s,;]+", seeds.strip()) if isinstance(seeds, str) else seeds
    if not isinstance(parts, list):
        raise BadValue("{name} must be {kind}, not {value!r}.", name="seeds", kind="a list such as 256,512",
                       value=str(parts)[:40])  # fmt: skip
    if not 2 <= len(parts) <= MOST_KEYFRAMES:
        raise BadValue(
            "An interpolation needs 2 to {most} keyframes, got {count}.", most=MOST_KEYFRAMES, count=len(parts)
        )
    return [checked_seed(part) for part in parts]


def _given(path: str | None) -> str:
    if path is None:
        raise BadValue("Drop in a picture first.")
    return path


def _upload(path: str | None) -> Image.Image:
    with received(_given(path)) as image:
        return clean(image)


def _mask(path: str | None) -> Image.Image:
    """Returns the mask in greyscale, white where masked."""
    with received(_given(path)) as image:
        return image.convert("RGBA").getchannel("A") if image.has_transparency_data else image.convert("L")


def _square(image: Image.Image) -> Image.Image:
    """Returns the centre square, as models expect it."""
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return image.crop((left, top, left + side, top + side))


def _saved(image: Image.Image, stem: str, settings: str = "") -> str:
    path = result(f"{stem}.png")
    path.write_bytes(marked(image, settings, least=1))
    return str(path)


# --- how they are offered --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Call:
    """An API function and the controls that check its values; `names` if they differ from its parameters."""

    function: Callable[..., str]
    controls: Callable[[], Sequence[Any]]
    long: bool = False
    names: tuple[str, ...] = ()


def _model() -> gr.Textbox:
    return gr.Textbox("")


def _seed(value: int) -> gr.Number:
    return gr.Number(value, precision=0, minimum=0, maximum=MOST_SEED)


def _truncation() -> gr.Number:
    return gr.Number(None, minimum=0, maximum=MOST_PSI)


def _picture(formats: Sequence[str] = ("image",)) -> gr.File:
    return gr.File(file_types=list(formats))


CALLS = {
    "generate": Call(
        generate,
        lambda: [_model(), _seed(1), _truncation(), gr.Dropdown([""], value="", allow_custom_value=True), gr.JSON()],
        names=("model", "seed", "truncation", "class", "edits"),
    ),
    "mix": Call(
        mix, lambda: [_model(), _seed(1), _seed(2), gr.Radio(list(BANDS), value="coarse"),
                      gr.Number(None, precision=0, minimum=0, maximum=100), _truncation()],
    ),
    "interpolate": Call(
        interpolate, lambda: [_model(), gr.JSON(), gr.Radio(WAYS, value="smooth"), gr.Checkbox(True),
                              gr.Radio(list(KINDS), value="MP4"), gr.Slider(*SECONDS, 1.5), gr.Radio(SIZES, value=256),
                              _truncation()],
        long=True,
    ),
    "invert": Call(invert, lambda: [_picture(), _model(), gr.Slider(*STEPS, 100, step=1)], long=True),
    "translate": Call(
        translate, lambda: [_picture(), _model(), gr.Textbox(""), gr.Number(None, minimum=0, maximum=1)]
    ),
    "inpaint": Call(inpaint, lambda: [_picture(), _picture(), _model()]),
    "enlarge": Call(
        enlarge, lambda: [_picture(), _model(), gr.Number(None, precision=0, minimum=2, maximum=8)], long=True
    ),
}  # fmt: skip
NAMES = tuple(CALLS)


def offer(page: gr.Blocks) -> None:
    """Adds the calls to a page, without visible controls."""
    with gr.Row(visible=False):
        for name, call in CALLS.items():
            controls, answer = call.controls(), gr.File(label=_("Result"), interactive=False)
            for control, value in zip(controls, call.names or signature(call.function).parameters, strict=True):
                control.label = value  # shown in the list of calls
            offered_call = gr.Button().click(
                callback(call.function), list(controls), answer, api_name=name, show_progress="hidden",
                concurrency_limit=4 if call.long else 2,
            )  # fmt: skip
            if call.names:
                page.fns[offered_call["id"]].input_parameter_names = list(call.names)
