"""Style mixing: some layers of w from one picture, the others from another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import gradio as gr
from PIL import Image

from gan_core.errors import BadValue
from gan_core.models.card import Card
from ui.languages import N_, _
from ui.studio.models.opened import Opened, opened
from ui.studio.requests.calls import callback, streaming
from ui.studio.requests.jobs import workshop
from ui.studio.requests.latest import Latest
from ui.studio.view.bands import BANDS, WORDS, band_choices, band_layers
from ui.studio.view.measured import band_words
from ui.studio.view.pictures import SMALL, drawn, file_of, sheet
from ui.studio.view.view import MOST_SEED, PSI, SEEDS, View, another_seed, checked_seed, points_of, view_at
from ui.studio.widgets import faces as studio_faces
from ui.studio.widgets import parts
from ui.studio.widgets.choices import choices, model_choice
from ui.studio.widgets.parts import QUIET
from ui.texts import paragraph

TITLE = N_("Style mixing")
ID = "mixing"
GROUP = N_("Faces")
MOST_SIDE = 6  # rows or columns of the matrix
COST = 2.0  # seconds for the matrix

_latest = Latest()


def mix(
    request: gr.Request, model: str, one: float, other: float, band: str, first: float, a: View | None = None,
    b: View | None = None,
) -> Any:  # fmt: skip
    """Returns both pictures, their mixture, and a description of the layers. A and B may be faces from other tabs."""
    made = _latest(
        (request and request.session_hash) or "", lambda: _mixed(model, one, other, band, int(first or 0), a, b)
    )
    return gr.skip() if made is None else made


def save(
    model: str, one: float, other: float, band: str, first: float, a: View | None = None, b: View | None = None
) -> dict[str, str]:
    """Returns the mixture as PNG with its settings."""
    view = mixture(model, one, other, band, first, a, b)
    return parts.Download(f"{model}-mixture.png", file_of(view)).plain


def mixture(
    model: str, one: float, other: float, band: str, first: float, a: View | None = None, b: View | None = None
) -> View:
    """Returns A with the chosen layers of B, as a view."""
    from gan_core.latent.mixing import mixed

    chosen, views = _styled(model), _views(model, (one, other), (a, b))
    start, other_point = (points_of(view) for view in views)
    return view_at(views[0], mixed(chosen.explorer, start, other_point, _layers(chosen, band, int(first or 0))))


def take_as(place: int, view: View) -> list[Any]:
    """Accepts a face from another tab as A (0) or B (1): the model, its seed and the face itself."""
    _styled(view.model)
    return [gr.update(value=view.model), view.seed, view]


def _views(model: str, seeds: Sequence[float], given: Sequence[View | None]) -> list[View]:
    numbers = [checked_seed(int(seed or 0)) for seed in seeds]
    return [
        studio_faces.same(one, model, seed) or View(model, seed, PSI) for seed, one in zip(numbers, given, strict=True)
    ]


def _mixed(
    model: str, one: float, other: float, band: str, first: int, given_a: View | None, given_b: View | None
) -> list[Any]:
    from gan_core.latent.mixing import mixed

    chosen = _styled(model)
    layers = _layers(chosen, band, first)
    a, b = (points_of(view) for view in _views(model, (one, other), (given_a, given_b)))
    values = [_face(chosen, points) for points in (a, b, mixed(chosen.explorer, a, b, layers))]
    words = _("Layers {first} to {last} of {count} come from B.").format(
        first=layers[0], last=layers[-1], count=chosen.explorer.layers
    ) if layers else _("Nothing comes from B.")  # fmt: skip
    return [*values, paragraph(_(WORDS[band]), words, band_words(chosen, band))]


def matrix(model: str, rows: float, columns: float, seed: float, band: str, first: float) -> Iterator[str]:
    """Returns a grid: each row's picture with the chosen layers of each column's picture."""
    height, width = (_side(count) for count in (rows, columns))
    chosen, start = _styled(model), checked_seed(int(seed or 0))
    layers = _layers(chosen, band, int(first or 0))
    for news in workshop.run(lambda tell: _crossed(chosen, height, width, start, layers), f"matrix {model}", COST):
        yield news.made if news.done else f'<p class="quiet">{news.bar}</p>'


def _crossed(chosen: Opened, height: int, width: int, start: int, layers: range) -> str:
    from gan_core.latent import mixing
    from gan_core.latent.points import joined

    down = joined([points_of(View(chosen.name, start + place, PSI)) for place in range(height)])
    across = joined([points_of(View(chosen.name, start + height + place, PSI)) for place in range(width)])
    explorer = chosen.explorer.apart()  # so that it doesn't block the model's sliders
    crossed = mixing.matrix(explorer, down, across, layers)
    heads, sides, inner = (drawn(explorer, points) for points in (across, down, crossed))
    blank = Image.new("RGBA", heads[0].size)
    rows_of = [[side, *inner[place * width : (place + 1) * width]] for place, side in enumerate(sides)]
    pictures = [blank, *heads, *(picture for row in rows_of for picture in row)]
    words = _("Each row keeps its picture; the chosen layers come from the column.")
    return parts.sheet_value(sheet(pictures, width + 1), words, blank.width <= SMALL)


def layer_slider(model: str, band: str) -> Any:
    """Updates the slider of the first layer: its range is the model's depth, and only one option uses it."""
    return gr.update(visible=band == "from", maximum=_styled(model).explorer.layers)


def _styled(name: str) -> Opened:
    model = opened(name)
    if not model.explorer.layers:
        raise BadValue(
            "{recipe} is not style-based: it has no w per layer to mix.", recipe=model.explorer.sampler.recipe.title
        )
    return model


def _layers(model: Opened, band: str, first: int) -> range:
    if band not in BANDS:
        raise BadValue("Unknown layer range '{name}'. Valid: {valid}.", name=band[:20], valid=", ".join(BANDS))
    return band_layers(model.explorer.layers, band, first)


def _side(count: float) -> int:
    if not 1 <= int(count or 0) <= MOST_SIDE:
        raise BadValue("There can be 1 to {most} rows and columns, not {count}.", most=MOST_SIDE, count=count)
    return int(count)


def _face(model: Opened, points: Any) -> dict[str, Any]:
    image = drawn(model.explorer, points)[0]
    return parts.image_value(image, _(model.card.title))


def fits(card: Card) -> bool:
    """Whether the tab supports a model."""
    return "style_mixing" in card.capabilities


def build(page: gr.Blocks, tab: gr.Tab) -> None:
    """Builds the tab."""
    if not choices(fits):
        parts.note(_("Mixing needs a style-based model, and none is available."))
        return
    with gr.Row():
        faces = []
        for words in (_("A"), _("B"), _("A with layers of B")):
            with gr.Column(min_width=150):
                gr.Markdown(f"**{words}**")
                faces.append(parts.face())
    with gr.Row():
        band = gr.Radio(band_choices(), value="coarse", label=_("Layers from B"), scale=3)
        first = gr.Slider(0, 10, 4, step=1, label=_("From layer"), visible=False, scale=2)
    status = parts.note()
    with gr.Row(elem_classes="row-tight"):
        dice = [gr.Button(_("New A")), gr.Button(_("New B"))]
        draw = gr.Button(_("Draw matrix"), variant="primary")
    shown_matrix = gr.HTML("", apply_default_css=False, elem_classes="working", elem_id="mixing-matrix")
    with gr.Row(equal_height=True):
        download = gr.Button(_("Save picture"), elem_id="save-mixture")
        use = studio_faces.choice(ID)
    with gr.Accordion(_("More"), open=False):
        with gr.Row():
            model = model_choice(page, fits)
            seeds = [
                gr.Number(value, label=label, precision=0, minimum=0, maximum=MOST_SEED)
                for value, label in ((SEEDS[0], _("Seed of A")), (SEEDS[1], _("Seed of B")))
            ]
        with gr.Row():
            rows = gr.Slider(1, MOST_SIDE, 3, step=1, label=_("Rows of the matrix"))
            columns = gr.Slider(1, MOST_SIDE, 4, step=1, label=_("Columns of the matrix"))
    given = [gr.State(None, time_to_live=3600) for _face in faces[:2]]
    inputs, outputs = [model, *seeds, band, first, *given], [*faces, status]
    gr.on([band.input, model.input], callback(layer_slider), [model, band], first, api_visibility="private", **QUIET)
    gr.on(
        [first.input, band.input, model.input, *(seed.change for seed in seeds)], callback(mix), inputs, outputs,
        trigger_mode="always_last", queue=False, api_name="mix", **QUIET,
    )  # fmt: skip
    for button, seed in zip(dice, seeds, strict=True):
        button.click(another_seed, None, seed, api_visibility="private", **QUIET)
    draw.click(
        streaming(matrix), [model, rows, columns, seeds[0], band, first], shown_matrix, api_name="matrix",
        concurrency_limit=None, **QUIET,
    )  # fmt: skip
    parts.saving(download, save, inputs, "save_mixture")
    studio_faces.offered(page, ID, use, mixture, inputs)
    for place, words in enumerate((_("Style mixing, as A"), _("Style mixing, as B"))):
        studio_faces.taking(page, ID, words, partial(take_as, place), [], [model, seeds[place], given[place]])
    tab.select(callback(mix), inputs, outputs, queue=False, api_visibility="private", **QUIET)
