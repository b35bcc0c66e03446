"""Translate: translates a picture to another domain, and back."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr
from PIL import Image, ImageChops, ImageStat

from gan_core.errors import BadValue, GanscopeError
from gan_core.pictures.decoding import plain
from ui.languages import N_, _
from ui.studio.models.image_models import (
    TRANSLATING,
    ImageModel,
    direction_choices,
    examples,
    image_models,
    made,
    open_image_model,
    taken,
    unfamiliar_words,
)
from ui.studio.models.opened import hosted
from ui.studio.requests.calls import callback, event_number, streaming, warn_if_animated
from ui.studio.requests.jobs import Tell, stopped, workshop
from ui.studio.requests.uploads import clean, received
from ui.studio.view.pictures import marked
from ui.studio.widgets import canvas, parts
from ui.studio.widgets.canvas import read_back, sheet_of
from ui.studio.widgets.parts import QUIET
from ui.texts import error_sentence, paragraph, titles

if TYPE_CHECKING:
    from gan_core.latent.recognition import Kind

TITLE = N_("Translate")
ID = "translate"
GROUP = N_("Pictures")
CAMERA = "translate-camera"
STRONGER = 4  # amplification of the difference picture
OUTPUTS = 9  # number of outputs of a scene
LISTED = 3  # maximum number of skipped files that are listed
MOST_FILES = 500
COST = 0.1  # seconds per file
MOST_HOSTED = 24  # maximum number of files in a public Studio


@dataclass(frozen=True)
class Source:
    """The picture to translate. `picture` contains only pixels; `place` is the index of an example, None for the user's
    picture, whose `kind` was recognised by the model `by`.
    """

    picture: Image.Image | None = None
    place: int | None = None
    by: str = ""
    kind: Kind | None = None


def show_first(source: Source, model: str) -> list[Any]:
    """Opens the tab; keeps an earlier picture with its direction and strength."""
    return [gr.skip()] * (OUTPUTS + 2) if source.picture is not None else choose(source, model)


def choose(source: Source, model: str) -> list[Any]:
    """Selects a model: its directions, strength and examples, and the translation of the user's picture or the first
    example.
    """
    chosen = open_image_model(model, TRANSLATING)
    source = _recognized(source, chosen)
    direction = _likely(source, chosen.directions[0])
    list_of = gr.update(choices=direction_choices(chosen), value=direction, interactive=len(chosen.directions) > 1)
    share = gr.update(value=chosen.strength or 0.0, visible=chosen.strength is not None)
    return [list_of, share, *turn(source, model, direction)]


def turn(source: Source, model: str, direction: str, strength: float | None = None) -> list[Any]:
    """Translates the current picture in another direction or at another strength; an example is replaced by one of the
    matching domain.
    """
    chosen = _checked_model(model, direction, strength)
    if source.picture is None or source.place is not None:
        kind = _examples(chosen, direction)
        place = min(source.place or 0, max(0, len(kind) - 1))
        source = Source(kind[place] if kind else Image.new("RGB", (chosen.size, chosen.size), "white"), place)
    return _scene(_recognized(source, chosen), chosen, direction)


def press(event: gr.EventData, model: str, direction: str, strength: float | None = None) -> list[Any]:
    """Handles a click on an example."""
    return press_at(model, direction, int(event_number(event)), strength)


def press_at(model: str, direction: str, place: float, strength: float | None = None) -> list[Any]:
    """Returns the held-out example at a position of the row."""
    chosen = _checked_model(model, direction, strength)
    kind = _examples(chosen, direction)
    if not 0 <= int(place) < len(kind):
        raise BadValue("There is no example at position {place}.", place=int(place))
    return _scene(Source(kind[int(place)], int(place)), chosen, direction)


def take(path: str | None, model: str, direction: str, strength: float | None = None) -> list[Any]:
    """Accepts an upload: checked, cleaned, deleted, and translated in the direction that suits it."""
    if path is None:
        return [gr.skip()] * (OUTPUTS + 1)
    with received(path) as image:
        warn_if_animated(image)
        picture = clean(image)
    return _arrived(Source(picture), model, direction, strength)


def take_photo(photo: str, model: str, direction: str, strength: float | None = None) -> list[Any]:
    """Accepts a picture from the webcam, as a `data:` address."""
    return _arrived(Source(plain(read_back(photo)).convert("RGB")), model, direction, strength)


def _arrived(source: Source, model: str, direction: str, strength: float | None) -> list[Any]:
    """Returns the direction for a user's picture, and its scene."""
    chosen = _checked_model(model, direction, strength)
    source = _recognized(source, chosen)
    direction = _likely(source, direction)
    return [gr.update(value=direction), *_scene(source, chosen, direction)]


def _recognized(source: Source, chosen: ImageModel) -> Source:
    """Returns the user's picture with the model's recognition of its kind."""
    if source.picture is None or source.place is not None or source.by == chosen.name:
        return source
    return replace(source, by=chosen.name, kind=_kind(chosen, source.picture))


def _kind(chosen: ImageModel, picture: Image.Image) -> Kind:
    known = open_image_model(chosen.name, TRANSLATING)  # the kind doesn't depend on the strength
    return known.recognition.kind(taken(known, picture))


def _likely(source: Source, direction: str) -> str:
    """Returns the direction that suits a picture; the current one if the model doesn't know such pictures."""
    return direction if source.kind is None or source.kind.strange else source.kind.likely


def _warning(source: Source, chosen: ImageModel, direction: str) -> str:
    """Returns the warning about a user's picture, "" if there is none."""
    if source.kind is None or source.place is not None:
        return ""
    if source.kind.strange:
        return unfamiliar_words(source.kind.times[direction])
    if source.kind.likely != direction:
        names = {name: words for words, name in direction_choices(chosen)}
        return _("**This looks like a picture for “{other}”**; the current direction does little with it.").format(
            other=names[source.kind.likely])  # fmt: skip
    return ""


def save(source: Source, model: str, direction: str, strength: float | None = None) -> dict[str, str]:
    """Returns the translated picture as a file."""
    if source.picture is None:
        raise BadValue("Drop in a picture first.")
    chosen = _checked_model(model, direction, strength)
    return parts.Download("translated.png", marked(_translated(chosen, source.picture, direction))).plain


def batch(
    paths: Sequence[str] | None, model: str, direction: str, strength: float | None = None
) -> Iterator[list[Any]]:
    """Translates several files into a zip; unreadable ones are reported and skipped."""
    files = list(paths or [])
    try:
        yield from _batch(files, _checked_model(model, direction, strength), direction)
    finally:
        for path in files:
            with suppress(OSError):
                Path(path).unlink(missing_ok=True)


def _batch(files: list[str], chosen: ImageModel, direction: str) -> Iterator[list[Any]]:
    if not files:
        raise BadValue("Drop in the pictures first.")
    most = MOST_HOSTED if hosted() else MOST_FILES
    if len(files) > most:
        raise BadValue("There can be at most {most} files at once, not {count}.", most=most, count=len(files))
    for news in workshop.run(lambda tell: _all(files, chosen, direction, tell), f"translate {chosen.name}",
                             COST * len(files)):  # fmt: skip
        if news.place > 1:
            yield [gr.skip(), news.words]
        elif not news.done:
            yield [
                gr.skip(),
                _("{done} of {all} pictures …").format(done=round(news.share * len(files)), all=len(files)),
            ]
        else:
            yield news.made


def _all(files: list[str], chosen: ImageModel, direction: str, tell: Tell) -> list[Any]:
    """Returns the zip as a download, and a message."""
    content, names, left_out, strange = io.BytesIO(), set[str](), list[str](), 0
    with zipfile.ZipFile(content, "w") as archive:
        for number, path in enumerate(files):
            tell(number / len(files), None)
            try:
                with received(path) as image:
                    given = clean(image)
                picture = _translated(chosen, given, direction)
            except GanscopeError as error:
                left_out.append(f"{Path(path).name}: {error_sentence(error)}")
                continue
            strange += not _kind(chosen, given).known(direction)
            name = _free_name(Path(path).stem, names)
            archive.writestr(name, marked(picture, least=1))
    if not names:
        raise BadValue("None of the files can be used. {reasons}", reasons=paragraph(*left_out[:LISTED]))
    words = _("{done} of {all} pictures were translated.").format(done=len(names), all=len(files))
    if strange:
        words = paragraph(words, _("**Unlike the training images of this direction**: {count}.").format(count=strange))
    if left_out:
        words = paragraph(words, _("Skipped: {reasons}").format(reasons=paragraph(*left_out[:LISTED])))
    return [parts.Download("translated.zip", content.getvalue()).plain, words]


def _free_name(stem: str, names: set[str]) -> str:
    """Returns an unused name for the archive and reserves it."""
    number, name = 1, f"{stem}.png"
    while name in names:
        number += 1
        name = f"{stem} {number}.png"
    names.add(name)
    return name


def _checked_model(model: str, direction: str, strength: float | None) -> ImageModel:
    """Returns the model at a strength (None: the default), after checking the direction."""
    chosen = open_image_model(model, TRANSLATING)
    if direction not in chosen.directions:
        raise BadValue("{recipe} has no direction '{direction}'. Valid: {valid}.", recipe=chosen.card.title,
                       direction=str(direction)[:40], valid=", ".join(chosen.directions))  # fmt: skip
    return chosen if strength is None or chosen.strength is None else chosen.at(strength)


def _examples(chosen: ImageModel, direction: str) -> list[Image.Image]:
    return examples(chosen.card, direction.partition("_to_")[0])


def _translated(chosen: ImageModel, picture: Image.Image, direction: str) -> Image.Image:
    return made(chosen.sampler.translate(taken(chosen, picture), direction))


def _scene(source: Source, chosen: ImageModel, direction: str) -> list[Any]:
    """Returns the picture, the row of examples, input, output, the reverse translation, the difference, and a
    message.
    """
    assert source.picture is not None
    given = taken(chosen, source.picture)
    there = chosen.sampler.translate(given, direction)
    back = chosen.back(direction)
    place = -1 if source.place is None else source.place
    strip = parts.examples_value(_examples(chosen, direction), place, _("Example"))
    first = made(given)
    pair = [parts.image_value(first, _("Input")), parts.image_value(made(there), _("Output of the model"))]
    scene = [replace(source), strip, *pair]
    warning = _warning(source, chosen, direction)
    if not back:
        return [*scene, gr.skip(), gr.skip(), *[gr.update(visible=False)] * 2, warning]
    again = made(chosen.sampler.translate(there, back))
    apart = ImageChops.difference(again.convert("RGB"), first.convert("RGB"))
    levels = sum(ImageStat.Stat(apart).mean) / 3
    words = _(
        "After translating back, a pixel differs by {levels:.1f} of 255 levels on average; the difference is shown "
        "{times} times as strong."
    )
    stronger = apart.point(lambda level: level * STRONGER)
    return [
        *scene, parts.image_value(again, _("Translated back")), parts.image_value(stronger, _("Difference")),
        *[gr.update(visible=True)] * 2, paragraph(warning, words.format(levels=levels, times=STRONGER)),
    ]  # fmt: skip


def build(page: gr.Blocks, tab: gr.Tab) -> None:
    """Builds the tab."""
    models = [(title, name) for name, title in titles(image_models(TRANSLATING)).items()]
    if not models:
        parts.note(
            _("Translating needs a model such as CycleGAN, and none is available. Train one with `ganscope train "
              "cyclegan`.")
        )  # fmt: skip
        return
    source = gr.State(Source(), time_to_live=3600)
    photo, file = gr.Textbox(visible=False, label=_("Photo")), gr.JSON(visible=False)
    with gr.Row():
        model = gr.Dropdown(models, value=models[0][1], label=_("Model"), min_width=240, elem_id="translate-model")
        direction = gr.Dropdown([], label=_("Direction"), min_width=240, elem_id="translate-direction")
        strength = gr.Slider(
            0, 1, 1, step=0.05, visible=False, label=_("Strength"), min_width=240, elem_id="translate-strength",
            info=_("How much of the change to apply."), buttons=[],
        )  # fmt: skip
    with gr.Row(equal_height=False):
        faces, loop = [], []
        for words, elem_id in ((_("Input"), "given"), (_("Output"), "translated")):
            with gr.Column(min_width=140):
                faces.append(_titled(words, elem_id))
        for words, elem_id in ((_("Translated back"), "again"), (_("Difference"), "difference")):
            with gr.Column(visible=False, min_width=140) as column:
                faces.append(_titled(words, elem_id))
            loop.append(column)
    status = parts.note()
    parts.note(_("Examples, none of them training images:"))
    strip = parts.strip(elem_id="translate-examples")
    with gr.Row(elem_classes="row-left"):
        download = gr.Button(_("Save picture"), elem_id="save-translation")
    with gr.Row(equal_height=False):
        with gr.Column(min_width=280):
            gr.Markdown(f"**{_('Your picture')}**")
            drop = parts.picture_file("translate-drop")
            parts.upload_note()
        with gr.Column(min_width=280):
            gr.Markdown(f"**{_('Your webcam')}**")
            camera = canvas.camera(CAMERA)
    with gr.Accordion(_("Several files"), open=False):
        many = gr.File(show_label=False, file_types=["image"], file_count="multiple", height=160,
                       elem_id="translate-files")  # fmt: skip
        with gr.Row(elem_classes="row-tight"):
            start = gr.Button(_("Translate all and zip"), elem_id="translate-all")
            stop = gr.Button(_("Stop"))
        batch_status = parts.note()
    scene = [source, strip, *faces, *loop, status]
    where = [model, direction, strength]
    chosen = [direction, strength, *scene]
    tab.select(callback(show_first), [source, model], chosen, api_visibility="private", concurrency_limit=1, **QUIET)
    model.input(callback(choose), [source, model], chosen, api_name="translate_model", concurrency_limit=1, **QUIET)
    direction.input(callback(turn), [source, *where], scene, api_name="translate", **QUIET)
    strength.input(
        callback(turn), [source, *where], scene, api_visibility="private", trigger_mode="always_last", **QUIET
    )
    strip.select(callback(press), where, scene, api_visibility="private", **QUIET)
    parts.emptied(
        drop, drop.upload(callback(take), [drop, *where], [direction, *scene], api_name="translate_picture", **QUIET)
    )
    camera.take(
        callback(take_photo),
        [photo, *where],
        [direction, *scene],
        js=sheet_of(CAMERA, len(where)),
        api_name="translate_photo",
        **QUIET,
    )
    parts.saving(download, save, [source, *where], "save_translation")
    translated = start.click(
        streaming(batch),
        [many, *where],
        [file, batch_status],
        api_name="translate_files",
        concurrency_limit=None,
        **QUIET,
    )
    stop.click(None, cancels=translated, api_visibility="private").then(  # the files are deleted by then
        callback(lambda: [None, stopped()]), None, [many, batch_status], queue=False, api_visibility="private", **QUIET
    )
    parts.saved(translated, file)
    parts.emptied(many, translated)


def _titled(words: str, elem_id: str) -> gr.HTML:
    gr.Markdown(f"**{words}**")
    return parts.face(elem_id=f"translate-{elem_id}")
