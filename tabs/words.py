"""From words: type a sentence and get pictures of it; refine them by searching the latent space of another model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from html import escape
from typing import Any

import gradio as gr

from gan_core.data.avatars import sentences
from gan_core.errors import BadValue
from ui.languages import N_, _, language
from ui.studio.models import word_models
from ui.studio.models.opened import opened
from ui.studio.requests.calls import callback, streaming, warn_of_ignored
from ui.studio.requests.jobs import Tell, workshop
from ui.studio.view import heat
from ui.studio.view.asked import MOST_VARIETY, PREFIX, Asked, checked_variety, parsed
from ui.studio.view.pictures import data_url, image_of, marked, sheet
from ui.studio.view.view import MOST_SEED, SEEDS, View, another_seed, checked_seed, first_view, view_at
from ui.studio.view.words import value_words
from ui.studio.widgets import faces, parts
from ui.studio.widgets.parts import QUIET
from ui.texts import titles

TITLE = N_("From words")
ID = "words"
GROUP = N_("Faces")
PICTURES = 4
STEPS = 40  # of a search
COST = 20.0  # seconds of a search
MOST_UNDONE = 8
SCENE = 5  # number of outputs of `_shown`
EXAMPLES = {"en": "a woman with pink hair and sunglasses", "zh": "一个粉色头发的女人，戴着墨镜"}
# puts what was drawn into the address bar
LINK = """(...values) => {
  const next = new URLSearchParams(location.search), names = ['text', 'model', 'seed', 'variety', 'guide'];
  if (next.get('tab') !== 'TAB') return;
  names.forEach((name, place) => {
    const value = values[place];
    if (value === null || value === undefined || value === '') next.delete('PREFIX' + name);
    else next.set('PREFIX' + name, value);
  });
  history.replaceState(history.state, '', location.pathname + '?' + next);
}""".replace("TAB", ID).replace("PREFIX", PREFIX)
GUIDES = {word_models.CLIP: N_("CLIP"), word_models.ATTRIBUTES: N_("Attribute net")}


@dataclass(frozen=True)
class Made:
    """The pictures shown and their request; `past` are the previous ones."""

    text: str = ""
    drawn: word_models.Drawn | None = None
    model: str = ""
    asked: Asked | None = None  # of pictures that were drawn
    points: Any = None  # of pictures that a search has found
    past: tuple[Made, ...] = ()


def draw(text: str, model: str, seed: float, variety: float, guide: str | None, made: Made) -> list[Any]:
    """Returns pictures of a sentence, the words with those that aren't known marked, and the state."""
    asked = Asked(text, model, checked_seed(int(seed or 0)), checked_variety(variety), guide)
    if made.drawn is not None and made.asked == asked:
        return [gr.skip()] * SCENE
    row_known(text, model)
    if model in word_models.drawing():
        pictures = word_models.sampled(model, text, asked.seed, PICTURES, asked.variety)
    else:
        pictures = word_models.best_of(model, text, asked.seed, PICTURES, guide or "")
    drawn = word_models.looked_at(pictures, text, model)
    return _shown(Made(text, drawn, model, asked, None, _past(made)))


def act(made: Made, number: float) -> str:
    """Returns where each word acts in one of the pictures, as HTML."""
    if made.drawn is None:
        raise BadValue("There is no picture yet.")
    asked = made.asked
    if asked is None or asked.model not in word_models.drawing():
        raise BadValue("These pictures were found by a search. Choose a model that draws from words under “More”.")
    place = min(max(int(number or 1), 1), PICTURES) - 1
    found = word_models.acting(asked.model, asked.text, asked.seed, place, PICTURES, asked.variety)
    words = [word.text for word in sentences.split(asked.text, word_models.vocabulary_of(asked.model))]
    return heat.acting(found, words)


def row_known(text: str, model: str) -> None:
    """Raises BadValue for a sentence that is empty, too long, or of words only that the model doesn't know."""
    sentences.tokens(text, word_models.vocabulary_of(model))


def undo(made: Made) -> list[Any]:
    """Returns to the previous pictures, with their request; of pictures that a search has found, their sentence."""
    if not made.past:
        raise BadValue("There is nothing to undo.")
    before = replace(made.past[-1], past=made.past[:-1])
    asked = before.asked
    if asked is None:
        return [before.text, *[gr.skip()] * 4, *_shown(before)]
    return [*_values(asked), *_shown(before)]


def _values(asked: Asked) -> tuple[str, str, int, float, str | None]:
    return asked.text, asked.model, asked.seed, asked.variety, asked.guide


def refine(text: str, model: str, guide: str, seed: float, made: Made) -> Iterator[list[Any]]:
    """Searches a model for faces that fit the sentence, and shows them as they change."""
    from gan_core.latent.words import Guidance, guided

    row_known(text, model)
    fit = word_models.fit_of(guide, text)
    explorer = opened(model).explorer.apart()  # so that it doesn't block the model's sliders
    guidance = Guidance(PICTURES, STEPS, seed=checked_seed(int(seed or 0)))

    def searched(tell: Tell) -> Any:
        last = None
        for last in guided(explorer, fit, guidance):
            tell(last.share, last)
        return last

    past = _past(made)
    for news in workshop.run(searched, f"words {model}", COST):
        found = news.made if news.done else news.seen
        if found is None:
            yield [*[gr.skip()] * SCENE, f'<p class="quiet">{news.bar}</p>']
            continue
        state = Made(text, word_models.looked_at(found.pictures, text, model), model, None, found.points, past)
        yield [*_shown(state), "" if news.done else f'<p class="quiet">{news.bar}</p>']


def save(made: Made) -> dict[str, str]:
    """Returns the pictures as one PNG."""
    if made.drawn is None:
        raise BadValue("There is no picture yet.")
    images = [image_of(picture[None]) for picture in made.drawn.pictures]
    return parts.Download("words.png", marked(sheet(images, 2))).plain


def given(made: Made, number: float) -> View:
    """Returns one of the refined faces, for another tab."""
    if made.points is None:
        raise BadValue("Click “Refine” first: only faces that were found by a search can be used in other tabs.")
    return view_at(first_view(made.model), made.points.at(int(number) - 1))


def _past(made: Made) -> tuple[Made, ...]:
    return (*made.past, replace(made, past=()))[-MOST_UNDONE:] if made.drawn is not None else made.past


def _shown(made: Made) -> list[Any]:
    """Returns the state, the pictures as HTML, the words, whether there is something to undo, and no maps."""
    words = _words(made.text, word_models.vocabulary_of(made.model))
    return [made, _cards(made), words, gr.update(interactive=bool(made.past)), ""]


def _words(text: str, vocabulary: tuple[str, ...]) -> str:
    """Returns the sentence's words as HTML, those that the model doesn't know marked."""
    words = sentences.split(text, vocabulary)
    marked_words = " ".join(
        f"<span>{escape(word.text)}</span>" if word.known else f'<mark class="unknown">{escape(word.text)}</mark>'
        for word in words
    )
    unknown = [word.text for word in words if not word.known]
    note = _("Marked words are unknown: the model treats all of them as the same word.") if unknown else ""
    return f'<p class="read-words">{marked_words}</p><p class="quiet">{note}</p>'


def _cards(made: Made) -> str:
    if made.drawn is None:
        return ""
    found = []
    for place, picture in enumerate(made.drawn.pictures):
        alt = _("Picture {number} of “{sentence}”").format(number=place + 1, sentence=made.text)
        seen = "".join(
            f'<li class="{"right" if made.drawn.right[name][place] else "wrong"}">'
            f"{'✓' if made.drawn.right[name][place] else '✗'} {escape(value_words(name, values[place]))}</li>"
            for name, values in made.drawn.seen.items()
        )
        address = data_url(image_of(picture[None]))
        found.append(f'<figure><img src="{address}" alt="{escape(alt)}"><ul>{seen}</ul></figure>')
    return f'<div class="from-words">{"".join(found)}</div>'


def _first(page_language: str) -> str:
    return EXAMPLES.get(page_language, EXAMPLES["en"])


def build(page: gr.Blocks, tab: gr.Tab) -> None:
    """Builds the tab."""
    drawing, searchable, guides = word_models.drawing(), word_models.searchable(), word_models.guides()
    if not drawing and not (searchable and guides):
        parts.note(_("This needs a model that draws from words, and none is available."))
        return
    made = gr.State(Made(), time_to_live=3600)
    text = gr.Textbox(
        _first(language()), label=_("Sentence"), lines=1, elem_id="words-text",
        info=_("In English or Chinese: hair, eyes, skin, glasses, hat, beard, earrings, clothes, background."),
    )  # fmt: skip
    words = gr.HTML("", apply_default_css=False)
    pictures = parts.made(elem_id="words-pictures")
    progress = gr.HTML("", apply_default_css=False)
    with gr.Row(elem_classes="row-tight"):
        again = gr.Button(_("Draw pictures"), variant="primary", elem_id="words-draw")
        other = gr.Button(_("Other pictures"))
        back = gr.Button(_("Undo"), interactive=False)
        better = gr.Button(_("Refine"), visible=bool(searchable and guides), elem_id="words-refine")
        stop = gr.Button(_("Stop"), visible=bool(searchable and guides))
    with gr.Row(equal_height=True):
        act_button = gr.Button(_("Which word acts where"), elem_id="words-act", visible=bool(drawing))
        download = gr.Button(_("Save pictures"), elem_id="save-words")
        copy = gr.Button(_("Copy link"), elem_id="copy-words")
        use = faces.choice(ID)
    maps = gr.HTML("", apply_default_css=False, elem_classes="working", elem_id="words-maps")
    with gr.Accordion(_("More"), open=False):
        searched = [(title, name) for name, title in titles(searchable).items()]
        choices = [(title, name) for name, title in titles(drawing).items()]
        choices += [(_("Best of 64: {model}").format(model=title), name) for title, name in searched if guides]
        model = gr.Dropdown(choices, value=choices[0][1], label=_("Model"))
        variety = gr.Slider(
            0, MOST_VARIETY, 1.0, step=0.05, label=_("Variety"), visible=bool(drawing),
            info=_("How much the pictures of a sentence differ. At 0 they are all the same."),
        )  # fmt: skip
        with gr.Row():
            where = gr.Dropdown(
                searched, value=searched[0][1] if searched else None, label=_("Model to search"),
                visible=bool(searched),
            )  # fmt: skip
            guide = gr.Radio(
                [(_(GUIDES[name]), name) for name in guides], value=guides[0] if guides else None,
                label=_("Guided by"), visible=len(guides) > 1,
            )  # fmt: skip
            seed = gr.Number(SEEDS[0], label=_("Seed"), precision=0, minimum=0, maximum=MOST_SEED)
        number = gr.Slider(
            1, PICTURES, 1, step=1, label=_("Chosen picture"), info=_("In which words act, and that other tabs use."),
        )  # fmt: skip
    link = gr.Textbox(visible=False)
    scene = [made, pictures, words, back, maps]
    asked = [text, model, seed, variety, guide]
    inputs = [*asked, made]
    draws = [text.submit, again.click, seed.change, variety.release, model.input]
    drawn = gr.on(draws, callback(draw), inputs, scene, api_name="words", **QUIET)
    opened_tab = tab.select(
        callback(_opening), [link, *inputs], [*asked, *scene], js="(link, ...rest) => [location.search, ...rest]",
        api_visibility="private", **QUIET,
    )  # fmt: skip
    undone = back.click(callback(undo), made, [*asked, *scene], api_visibility="private", **QUIET)
    for event in (drawn, opened_tab, undone):
        event.success(None, asked, None, js=LINK, api_visibility="private")
    act_button.click(callback(act), [made, number], maps, api_name="act", **QUIET)
    parts.copying(copy)
    other.click(another_seed, None, seed, api_visibility="private", **QUIET)
    running = better.click(
        streaming(refine), [text, where, guide, seed, made], [*scene, progress], api_name="refine_words",
        concurrency_limit=None, **QUIET,
    )  # fmt: skip
    gr.on(
        [stop.click, *draws, back.click], None, cancels=[running], api_visibility="private",
    ).then(  # once the job sends nothing more
        lambda: "", None, progress, queue=False, api_visibility="private", **QUIET
    )  # fmt: skip
    parts.saving(download, save, [made], "save_words")
    faces.offered(page, ID, use, given, [made, number])


def _opening(link: str, text: str, model: str, seed: float, variety: float, guide: str | None, made: Made) -> list[Any]:
    """Opens the tab, possibly from a link: draws, unless there are pictures."""
    if made.drawn is not None:
        return [gr.skip()] * (5 + SCENE)
    asked, problems = parsed(link or "", Asked(text, model, checked_seed(int(seed or 0)), float(variety), guide))
    warn_of_ignored(problems)
    if asked is None:
        return [*[gr.skip()] * 5, *draw(text, model, seed, variety, guide, made)]
    values = _values(asked)
    return [*values, *draw(*values, made)]
