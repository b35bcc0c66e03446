"""Super-resolution: enlarges a picture two or four times, with a before/after slider."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr
import numpy as np
from PIL import Image

from gan_core.data.base import Progress
from gan_core.errors import BadValue
from gan_core.models.listing import WEIGHT_FILES
from gan_core.pictures.damage import Damage
from gan_core.pictures.depth import WHOLE, used, white
from gan_core.pictures.photos import MOST_PIXELS, limit_words, megapixels
from ui.languages import N_, _
from ui.studio.models import enlargers
from ui.studio.models.enlargers import ENLARGING
from ui.studio.models.image_models import FILE, image_models, open_image_model
from ui.studio.models.opened import hosted
from ui.studio.requests.calls import callback, event_number, streaming, warn_if_animated
from ui.studio.requests.jobs import stopped, takes, workshop
from ui.studio.requests.uploads import FORMATS, LARGE_BYTES, Limits, received
from ui.studio.view import enlargement
from ui.studio.view.pictures import data_url, write_marked
from ui.studio.widgets import parts
from ui.studio.widgets.parts import QUIET
from ui.studio_process import is_loopback
from ui.texts import paragraph, titles

if TYPE_CHECKING:
    from gan_core.models.sampler import Sampler

TITLE = N_("Super-resolution")
ID = "enlarge"
GROUP = N_("Pictures")
# photos of scikit-learn, and the part to use
PHOTOS = {"flower.jpg": (140, 40, 460, 280), "china.jpg": (60, 150, 380, 390)}
SHRUNK = 2  # reduction factor, so that the examples' own compression isn't visible
FACE = 96  # pixels of the drawn example
OUTPUTS = 12  # number of outputs of a scene
ADVICE = 5  # outputs with notes on a picture before it is enlarged, and the options offered

_NO_FILE: Any = gr.update(value=None, visible=False)  # instead of the result of another picture


@dataclass(frozen=True)
class Source:
    """The original picture (H, W, C), uint8 or uint16; `place` is the index of an example, -1 for the user's picture,
    which is checked for `damage`.
    """

    array: Any = None
    name: str = ""
    place: int = 0
    damage: Damage | None = None


# --- callbacks -------------------------------------------------------------------------------------------------------


def show_first(source: Source, model: str) -> list[Any]:
    """Opens the tab; keeps an earlier picture with its scale and blend."""
    return [gr.skip()] * (OUTPUTS + 2) if source.array is not None else model_of(source, model)


def model_of(source: Source, model: str) -> list[Any]:
    """Selects a model: its scale, models to blend with, what it can do with the current picture, and the first example
    if there is none.
    """
    native, cards = enlargers.scale_of(open_image_model(model, ENLARGING).card), image_models(ENLARGING)
    other = enlargers.partner(model, cards)
    valid = [scale for scale in sorted({2, 4, native}) if native % scale == 0]
    scales = gr.update(choices=[(f"{scale}×", scale) for scale in valid], value=native)
    called = titles(cards)
    label = _("Blend: 0 is {model}, 1 is {other}").format(model=called[model], other=called.get(other, ""))
    share = gr.update(visible=bool(other), value=0, label=label)
    if source.array is not None and source.place < 0:
        shown = [gr.skip(), gr.skip(), gr.skip(), _waiting(source), *[gr.skip()] * 3]
        return [scales, share, *shown, *advise(source, model, native)]
    return [scales, share, *_example(model, 0)]


def press(event: gr.EventData, model: str) -> list[Any]:
    """Handles a click on an example."""
    return press_at(model, int(event_number(event)))


def press_at(model: str, place: float) -> list[Any]:
    """Returns the example at a position of the row, enlarged by the model."""
    if not 0 <= int(place) < len(_examples()):
        raise BadValue("There is no example at position {place}.", place=int(place))
    return _example(model, int(place))


def take(path: str | None, model: str = "", scale: float = 4) -> list[Any]:
    """Accepts an upload, checked and deleted, keeping colours, depth and transparency; says what can be done with
    it.
    """
    from gan_core.pictures import photos
    from gan_core.pictures.damage import damage_of, jpeg_quality

    if path is None:
        return [gr.skip()] * OUTPUTS
    limits = Limits(LARGE_BYTES, MOST_PIXELS, 1, (*FORMATS, "TIFF"))
    with received(path, limits) as image:
        warn_if_animated(image)
        quality = jpeg_quality(image)
        array = photos.read(Path(path), limits.pixels)
        lost = photos.levels_lost(Path(path), array)
    words = []
    if lost:
        words.append(
            _("The file has 16 bits per channel, packed in a way that can't be read here, so 8 bits are used. PNG "
              "keeps all 16 bits, and so does TIFF without compression or with ZIP.")
        )  # fmt: skip
    # in a public Studio, pictures are stored only at the size that is used
    pixels = array.shape[0] * array.shape[1]
    if pixels > enlargers.most(1):
        words.append(
            _("Pictures of up to {most} MP are enlarged here. This one has {pixels} MP, so its centre is used.")
            .format(most=limit_words(enlargers.most(1)), pixels=megapixels(pixels))
        )  # fmt: skip
        array = enlargement.middle(array, enlargers.most(1))
    source = Source(array, Path(path).stem, -1, damage_of(array, quality))
    scene = _not_enlarged(source)
    scene[-1] = paragraph(scene[-1], *words)
    return [*scene, _NO_FILE, gr.skip(), gr.skip(), *advise(source, model or enlargers.first(), scale)]


def advise(source: Source, model: str, scale: float) -> list[Any]:
    """Returns the recommended strength for a picture, notes before it is enlarged, and whether to offer 2×, its centre,
    or the model that is least affected by damage.
    """
    from gan_core.models.enlarging import advised, harmed

    if source.array is None or source.damage is None:
        return [gr.update(value=1.0), "", *[gr.update(visible=False)] * 3]
    strength, words, times = advised(source.damage, enlargers.restores(model)), [], int(scale)
    much = source.array.shape[0] * source.array.shape[1] > enlargers.most(times)
    by_two = much and times > 2 and source.array.shape[0] * source.array.shape[1] <= enlargers.most(2)
    if much:
        words.append(enlargement.too_many(source.array, times, by_two))
    words += enlargement.damage_notes(source.damage, strength)
    better = enlargers.for_damage() if any(harmed(source.damage)) and model != enlargers.for_damage() else ""
    if better:
        title = titles(image_models(ENLARGING))[better]
        words.append(
            _("“{model}” was trained on damaged photos and removes such damage.").format(model=title)
            if enlargers.restores(better)
            else _("“{model}” is affected least.").format(model=title)
        )
    offers = [gr.update(visible=one) for one in (by_two, much, bool(better))]
    return [gr.update(value=strength), paragraph(*words), *offers]


def twice(source: Source, model: str) -> list[Any]:
    """Switches to 2× instead of 4×."""
    return [gr.update(value=2), *advise(source, model, 2)]


def middle(source: Source, model: str, scale: float) -> list[Any]:
    """Crops the picture to the largest centre that can be enlarged at this scale."""
    if source.array is None:
        raise BadValue("Drop in a picture first.")
    source = replace(source, array=enlargement.middle(source.array, enlargers.most(int(scale))))
    return [*_not_enlarged(source), _NO_FILE, gr.skip(), gr.skip(), *advise(source, model, scale)]


def for_damage() -> Any:
    """Chooses the model for damaged pictures."""
    return gr.update(value=enlargers.for_damage())


def enlarge(source: Source, model: str, scale: float, share: float, strength: float = 1.0) -> Iterator[list[Any]]:
    """Enlarges, shows progress, and returns the result as a file."""
    if source.array is None:
        raise BadValue("Drop in a picture first.")
    if source.array.shape[0] * source.array.shape[1] > enlargers.most(1):
        raise BadValue("The picture has more than {count} megapixels.", count=limit_words(enlargers.most(1)))
    sampler = enlargers.sampler(open_image_model(model, ENLARGING), float(share or 0))
    cost = (*enlargers.cost(model, source.array), enlargers.longest())
    workshop.check(*cost)
    waits: list[Any] = [gr.skip()] * (3 + ADVICE)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{source.name}_x{int(scale)}.png"

        def work(tell: Progress) -> np.ndarray:
            return _written(sampler, source.array, int(scale), path, tell, strength)

        for news in workshop.run(work, *cost):
            if not news.done:
                yield [source, gr.skip(), gr.skip(), news.bar, *waits]
                continue
            shown, words = enlargement.compared(source.array, news.made, int(scale), strength)
            scene = [source, shown, gr.skip(), words]
            yield [*scene, gr.update(value=str(path), visible=True), *[gr.skip()] * (2 + ADVICE)]


def budget(source: Source, model: str) -> str:
    """Describes how long enlarging will take."""
    if source.array is None:
        return ""
    return takes(workshop.estimate(*enlargers.cost(model, source.array)), enlargers.longest())


def take_network(request: gr.Request, path: str | None) -> Any:
    """Accepts a network file: checked, stored in the user's folder, and selected."""
    if path is None:
        return gr.skip()
    try:
        if request and not is_loopback(request.client.host):
            raise BadValue("Networks can only be added on the computer that runs the Studio.")
        if hosted():
            raise BadValue("Only installed models can be opened here, because this Studio is public.")
        from gan_core.models.community import keep

        kept = keep(Path(path))
        return gr.update(choices=enlargers.choices(), value=f"{FILE}{kept.name}")
    finally:
        Path(path).unlink(missing_ok=True)


def listed(model: str) -> Any:
    """Returns the current models, including files added since the page was built."""
    return gr.update(
        choices=enlargers.choices(), value=model if model in image_models(ENLARGING) else enlargers.first()
    )


def _limits() -> str:
    """Describes the accepted uploads."""
    size = LARGE_BYTES // 1_000_000
    if hosted():
        words = _("PNG, JPEG, WebP or TIFF, up to {size} MB. At most {most} MP of a picture are enlarged here.")
        return words.format(size=size, most=limit_words(enlargers.most(1)))
    words = _("PNG, JPEG, WebP or TIFF, up to {size} MB and {two} megapixels, or {four} for 4× enlargement.")
    return words.format(size=size, two=limit_words(enlargers.most(2)), four=limit_words(enlargers.most(4)))


# --- scenes --------------------------------------------------------------------------------------------------------


def _not_enlarged(source: Source) -> list[Any]:
    """Shows a picture that hasn't been enlarged yet."""
    shown = data_url(enlargement.plain(enlargement.visible(source.array, 1)[0], used(source.array)))
    return [source, {"now": shown, "before": shown}, _strip(source.place), _waiting(source)]


def _waiting(source: Source) -> str:
    """Describes a picture before it is enlarged."""
    height, width = source.array.shape[:2]
    words = _("{width} x {height} pixels. Now click “Enlarge”.").format(width=width, height=height)
    depth = used(source.array)
    if source.array.dtype == np.uint16 and depth < WHOLE:
        depth_words = _("It uses only {bits} of 16 bits per channel, so {white} is taken as white.")
        words = paragraph(words, depth_words.format(bits=depth, white=white(depth)))
    return words


def _written(
    sampler: Sampler, array: np.ndarray, scale: int, path: Path, batch_status: Progress, strength: float
) -> np.ndarray:
    """Enlarges the picture and writes it; returns the part to be shown, in its own depth."""
    from gan_core.models import enlarging

    result = enlarging.enlarge(sampler, array, scale, progress=batch_status, strength=strength)
    write_marked(path, result)
    return result


# --- examples --------------------------------------------------------------------------------------------------------


@lru_cache
def _examples() -> list[np.ndarray]:
    """Returns crops of photos from scikit-learn and a drawn face: (H, W, 3)."""
    from gan_core.data import avatars
    from gan_core.pictures.photos import sample_photo

    pictures = []
    for name, box in PHOTOS.items():
        part = sample_photo(name).crop(box)
        pictures.append(
            np.asarray(part.resize((part.width // SHRUNK, part.height // SHRUNK), Image.Resampling.LANCZOS))
        )
    face = avatars.draw_avatars(avatars.sample_attributes(1, 5), FACE)[0]
    return [*pictures, np.ascontiguousarray(face.transpose(1, 2, 0))]  # (C, H, W) -> (H, W, C)


def _strip(place: int) -> dict[str, Any]:
    return parts.examples_value(map(Image.fromarray, _examples()), place, _("Example"))


def _example(model: str, place: int) -> list[Any]:
    """Returns an example enlarged by the model, cached. The user's networks may take minutes, so they run only on
    request.
    """
    chosen = open_image_model(model, ENLARGING)
    source = Source(_examples()[place], "example", place)
    if model.startswith(FILE):
        scale = gr.update(value=enlargers.scale_of(chosen.card))
        return [*_not_enlarged(source), _NO_FILE, scale, gr.update(value=0), *advise(source, model, 0)]
    result = _made(model, chosen.card.sha256, place)
    shown, words = enlargement.compared(source.array, result, enlargers.scale_of(chosen.card))
    scene = [source, shown, _strip(place), words]
    native = enlargers.scale_of(chosen.card)
    plain = [_NO_FILE, gr.update(value=native), gr.update(value=0)]
    return [*scene, *plain, *advise(source, model, native)]


@lru_cache(maxsize=16)
def _made(model: str, sha256: str, place: int) -> np.ndarray:
    from gan_core.models import enlarging

    return enlarging.enlarge(open_image_model(model, ENLARGING).sampler, _examples()[place])


# --- the page --------------------------------------------------------------------------------------------------------


def build(page: gr.Blocks, tab: gr.Tab) -> None:
    """Builds the tab."""
    models = enlargers.choices()
    if not models:
        parts.note(
            _("Enlarging needs a model such as SRGAN, and none is available. Train one with `ganscope train srgan`.")
        )  # fmt: skip
        return
    source = gr.State(Source(), time_to_live=3600)
    parts.note(_("Move the slider over the picture: bicubic enlargement on the left, the model's output on the "
                  "right. “What was added” marks in orange the detail that isn't in your picture: it vanishes when the "
                  "result is scaled down again."))  # fmt: skip
    with gr.Row(equal_height=False):
        with gr.Column(scale=7, min_width=320):
            compare = parts.compare(_("Bicubic"), _("Model"), _("What was added"), elem_id="enlarged")
            status = gr.HTML("", apply_default_css=False, elem_classes="quiet", elem_id="enlarge-said")
            strip = parts.strip(elem_id="enlarge-examples")
            parts.note(_("The photos come with scikit-learn (CC BY 2.0)."))
        with gr.Column(scale=4, min_width=280):
            drop = parts.picture_file("enlarge-drop")
            kept = _("Greyscale, 16 bits and transparency are kept. Your upload is deleted after it is read.")
            parts.note(paragraph(_limits(), kept))
            notice = gr.Markdown("", elem_classes="notice", elem_id="enlarge-notice")
            with gr.Row(elem_classes="row-left"):
                two = gr.Button(_("Enlarge 2×"), visible=False, elem_id="enlarge-twice")
                part = gr.Button(_("Use the centre"), visible=False, elem_id="enlarge-middle")
                plain = gr.Button(_("Use that model"), variant="primary", visible=False, elem_id="enlarge-faithful")
            scale = gr.Radio([("4×", 4)], value=4, label=_("Scale"))
            strength = gr.Slider(
                0, 1, 1, step=0.05, label=_("Strength"), elem_id="enlarge-strength", buttons=[],
                info=_("0 is bicubic enlargement, 1 the model's output."),
            )  # fmt: skip
            share = gr.Slider(0, 1, 0, step=0.1, label=_("Blend"), visible=False, buttons=[])
            duration_note = parts.note(elem_id="enlarge-budget")
            with gr.Row(elem_classes="row-tight"):
                start = gr.Button(_("Enlarge"), variant="primary", elem_id="enlarge-start")
                stop = gr.Button(_("Stop"))
            file = gr.File(label=_("Result"), visible=False, interactive=False, elem_id="enlarge-result")
            model = gr.Dropdown(models, value=enlargers.first(), label=_("Model"), elem_id="enlarge-model")
            with gr.Accordion(_("Your own network"), open=False, visible=not hosted()):
                network = gr.File(
                    show_label=False,
                    file_types=list(WEIGHT_FILES),
                    height=parts.UPLOAD_HEIGHT,
                    elem_id="enlarge-network",
                )
                parts.note(
                    _("ESRGAN, Real-ESRGAN, SwinIR and other networks that the package spandrel supports, as .pth or "
                      ".safetensors. No code in the file is run. The file stays on this computer, in the folder "
                      "`upscalers`; copy files larger than {size} MB there yourself."
                    ).format(size=LARGE_BYTES // 1_000_000))  # fmt: skip
    advice = [strength, notice, two, part, plain]
    scene = [source, compare, strip, status, file, scale, share, *advice]
    chosen = [scale, share, *scene]
    tab.select(callback(show_first), [source, model], chosen, api_visibility="private", concurrency_limit=1, **QUIET)
    model.input(callback(model_of), [source, model], chosen, api_name="enlarge_model", concurrency_limit=1, **QUIET)
    tab.select(callback(listed), model, model, api_visibility="private", **QUIET)
    brought = network.upload(callback(take_network), network, model, api_visibility="private", **QUIET)
    parts.emptied(network, brought)
    brought.success(callback(model_of), [source, model], chosen, api_visibility="private", **QUIET)
    strip.select(callback(press), model, scene, api_visibility="private", **QUIET)
    parts.emptied(drop, drop.upload(callback(take), [drop, model, scale], scene, api_name="enlarge_picture", **QUIET))
    scale.input(callback(advise), [source, model, scale], advice, api_visibility="private", **QUIET)
    two.click(callback(twice), [source, model], [scale, *advice], api_visibility="private", **QUIET)
    part.click(callback(middle), [source, model, scale], scene, api_visibility="private", **QUIET)
    plain.click(for_damage, None, model, api_visibility="private", **QUIET).then(
        callback(model_of), [source, model], chosen, api_visibility="private", **QUIET
    )
    gr.on([compare.change, model.change], callback(budget), [source, model], duration_note, queue=False,
          trigger_mode="always_last", api_visibility="private", **QUIET)  # fmt: skip
    working = start.click(
        streaming(enlarge),
        [source, model, scale, share, strength],
        scene,
        api_name="enlarge",
        concurrency_limit=None,
        **QUIET,
    )
    gr.on(
        [strip.select, drop.upload, network.upload, part.click, plain.click, model.input], None, cancels=working,
        api_visibility="private",
    )  # fmt: skip
    stop.click(None, cancels=working, api_visibility="private").then(
        callback(stopped), None, status, queue=False, api_visibility="private", **QUIET
    )
