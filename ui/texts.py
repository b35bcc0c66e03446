"""Words, numbers and times as shown on pages. User input is always treated as plain text."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from gan_core.data import size_word as size_word
from gan_core.data.user.references import SHARDS, is_shards, shown, user_images
from gan_core.doctor.remedies import remedies
from gan_core.errors import BadValue, GanscopeError, UnknownName, filled
from gan_core.errors import percent as percent
from gan_core.knobs import Named
from gan_core.pictures.fits import PAD, STRETCH
from gan_core.runs.records import Run, RunState
from ui.core_texts import filled as translated
from ui.languages import N_, _
from ui.metric_names import metric_name, metric_phrase

if TYPE_CHECKING:
    from gan_core.models.card import Card

STATES = {
    RunState.QUEUED: N_("queued"),
    RunState.RUNNING: N_("running"),
    RunState.PAUSED: N_("paused"),
    RunState.FINISHED: N_("finished"),
    RunState.STOPPED: N_("stopped"),
    RunState.FAILED: N_("failed"),
    RunState.INTERRUPTED: N_("interrupted"),
}
STATE_LOOKS = {  # colour and icon of each state's badge
    RunState.QUEUED: ("gray", ":material/hourglass_empty:"),
    RunState.RUNNING: ("green", ":material/play_arrow:"),
    RunState.PAUSED: ("orange", ":material/pause:"),
    RunState.FINISHED: ("blue", ":material/check:"),
    RunState.STOPPED: ("gray", ":material/stop:"),
    RunState.FAILED: ("red", ":material/error:"),
    RunState.INTERRUPTED: ("orange", ":material/power_off:"),
}
# words that fill templates of gan_core
WORDS = (
    N_("a whole number"), N_("a number"), N_("true or false"), N_("a word"), N_("a list such as 256,512"),
    N_("points"), N_("images"), N_("pairs of images"), N_("two sets of images"), N_("knob"), N_("recipe"), N_("preset"),
    N_("data set"), N_("run"), N_("loss"),
    N_("pause"), N_("resume"), N_("stop"), N_("save"), N_("rollback"), N_("step"), N_("edit"),
)  # fmt: skip

PART_WORDS = {  # of a data set, see gan_core/data/parts.py
    "train": N_("training part"), "test": N_("test part"), "quarter": N_("a quarter"), "half": N_("half"),
}  # fmt: skip
DATA_PARTS = ("train:", "test:")  # possible prefixes of a data set's name
FULL_WIDTH = ("。", "！", "？", "；", "：", "）")  # punctuation that includes its space
FIT_WORDS = {STRETCH: N_("stretched"), PAD: N_("padded")}  # how uncropped pictures are made square

# what visitors choose from lists; a link that names something else needs no list of identifiers
LISTED_ON_PAGES = ("run", "model", "lesson", "recipe", "preset", "data set")
NOT_THERE = (N_("There is no {kind} named '{name}'."), N_("Similar: {names}."))

# values of templates that are names of metrics and phases
NAMED: Mapping[str, Callable[[Any], Any]] = {
    "term": metric_phrase, "phase": lambda phase: metric_name(f"gradient_norm/{phase}"),
}  # fmt: skip

_DIGEST = re.compile(r"-[0-9a-f]{12}\.zip$")  # added to an upload's name to keep it unique
_MARKUP = re.compile(r"([\\`*_{}\[\]()#+\-.!|~>$:<&])")


def plain(text: object) -> str:
    """Escapes a user's text for Streamlit's markdown."""
    return _MARKUP.sub(r"\\\1", " ".join(str(text).split()))


def sentence(message: str, values: Mapping[str, Any]) -> str:
    """Returns a template of gan_core in the visitor's language, filled with its values."""
    words = {name: NAMED.get(name, _value)(value) for name, value in values.items()}
    try:
        return filled(_(message), words)
    except (KeyError, IndexError, ValueError):  # a store written by another version
        return message


def error_sentence(error: GanscopeError, all_names: bool = False) -> str:
    """Returns the error in the visitor's language. Of what is chosen from lists, only similar names are listed.

    `all_names`: all valid names are listed, for clients of an API.
    """
    on_page = not all_names and error.values.get("kind") in LISTED_ON_PAGES
    if on_page and isinstance(error, UnknownName) and "valid" in error.values:
        values = {name: error.values[name] for name in ("kind", "name")}
        similar = error.nearest
        return paragraph(
            sentence(NOT_THERE[0], values),
            sentence(NOT_THERE[1], {"names": ", ".join(similar)}) if similar else "",
        )
    return sentence(error.message, error.values)


def _value(value: Any) -> Any:
    if isinstance(value, GanscopeError):  # the cause, as a sentence of its own
        return error_sentence(value)
    if isinstance(value, Named):
        labels = (_(label) if given is None else f"{_(label)} = {given}" for label, given in value.parts)
        return _(", ").join(labels)
    return translated(value) if isinstance(value, str) and value else value


def run_message(run: Run) -> str:
    """Returns the message of the run's state; "" if it has none."""
    return sentence(run.message, run.message_values) if run.message else ""


def state_word(state: RunState) -> str:
    return _(STATES[state])


def state_badge(state: RunState) -> str:
    """Returns the state as a coloured badge in markdown."""
    colour, icon = STATE_LOOKS[state]
    return f":{colour}-badge[{icon} {state_word(state)}]"


def run_title(run: Run, titles: Mapping[str, str] | None = None) -> str:
    """Returns the run's name, or its recipe and data. Plain text: pass it through `plain` in markdown.

    `titles`: titles of recipes by name and of presets by `recipe/preset`, if recipes are loaded.
    """
    recipe = (titles or {}).get(run.spec.recipe, run.spec.recipe)
    preset = preset_title(run, titles)
    size = size_word(run.spec.data, run.spec.size)
    return run.name or joined(preset, _(recipe), data_title(run.spec.data), size)


def preset_title(run: Run, titles: Mapping[str, str] | None = None) -> str:
    """Returns the title of the run's preset, if recipes are loaded; "" for a run without one."""
    preset = run.spec.preset
    return _((titles or {}).get(f"{run.spec.recipe}/{preset}", preset)) if preset else ""


def remedy_words(name: str, changes: Mapping[str, Any]) -> str:
    """Returns the label of a remedy's button with the values that it sets."""
    return filled(_(remedies.get(name).words), changes)


def joined(*facts: str) -> str:
    """Joins facts in one line; empty ones are left out."""
    return " · ".join(fact for fact in facts if fact)


def paragraph(*sentences: str) -> str:
    """Joins sentences; empty ones are left out. A full-width stop, as in Chinese, needs no space after it."""
    words = ""
    for one in filter(None, sentences):
        words += ("" if not words or words.endswith(FULL_WIDTH) else " ") + one
    return words


def is_points(reference: str) -> bool:
    """Whether a data set consists of points in the plane rather than images."""
    from gan_core import data

    return data.is_points(reference)


def modes_of(reference: str) -> int:
    """Returns the number of modes of a data set of points; 0 if unknown, and for images."""
    from gan_core import data

    modes = data.modes_of(reference)
    return len(modes.centres) if modes else 0


def items_word(reference: str, count: int) -> str:
    """Returns how many images, points, recordings or other items of a data set there are, or were seen."""
    from gan_core.data import task_of
    from gan_core.media import medium_of

    if is_points(reference):
        return _("{count} points").format(count=number(count))
    medium = medium_of(task_of(reference))
    if medium:
        return _("{count} {items}").format(count=number(count), items=_(medium.words))
    return _("{count} images").format(count=number(count))


def data_title(reference: str) -> str:
    """Returns the title of a data set, or the name of the user's folder or zip; of a part with its name."""
    from gan_core.data import sources

    part, colon, rest = reference.partition(":")
    if colon and part in PART_WORDS:
        return _("{data} ({part})").format(data=data_title(rest), part=_(PART_WORDS[part]))
    try:
        user_set = user_images(reference)
    except BadValue:  # stored by another version
        return reference
    if user_set:
        name = _DIGEST.sub("", re.split(r"[\\/]", user_set.path.rstrip("/\\"))[-1])
        return f"{name} ({_(FIT_WORDS[user_set.fit])})" if user_set.fit in FIT_WORDS else name
    if is_points(reference) and reference not in sources:
        return _("Drawn points")
    if is_shards(reference):
        return shown(reference.removeprefix(SHARDS)).rpartition("/")[2]
    return _(sources.get(reference).title) if reference in sources else reference


def duration(seconds: float) -> str:
    """Formats a duration with at most two units: 4 s, 2 min 10 s, 3 h 5 min."""
    whole = max(0, round(seconds))
    if whole < 60:
        return _("{seconds} s").format(seconds=whole)
    if whole < 3600:
        minutes, rest = divmod(whole, 60)
        if not rest:
            return _("{minutes} min").format(minutes=minutes)
        return _("{minutes} min {seconds} s").format(minutes=minutes, seconds=rest)
    hours, rest = divmod(whole, 3600)
    if rest < 60:
        return _("{hours} h").format(hours=hours)
    return _("{hours} h {minutes} min").format(hours=hours, minutes=rest // 60)


def number(value: float) -> str:
    """Formats a count: 12,300."""
    return f"{value:,.0f}"


def ago(moment: float) -> str:
    """Returns how long ago a moment was (seconds since the epoch)."""
    passed = time.time() - moment
    if passed < 60:
        return _("just now")
    if passed < 86_400:
        whole = passed // 3600 * 3600 if passed >= 3600 else passed // 60 * 60
        return _("{time} ago").format(time=duration(whole))
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(moment))


def bytes_size(count: float) -> str:
    """Formats a size in bytes: 3.4 MB."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    raise AssertionError


def titles(models: Mapping[str, Card]) -> dict[str, str]:
    """Returns unique titles of models by name. Plain text.

    A title that isn't unique is extended by the first of recipe, size and name that distinguishes it.
    """
    plain_titles = {name: _(card.title) for name, card in models.items()}
    return {name: _distinct(name, plain_titles, models) for name in models}


def _distinct(name: str, called: Mapping[str, str], models: Mapping[str, Card]) -> str:
    title = called[name]
    others = [models[other] for other, words in called.items() if other != name and words.startswith(title)]
    if not others:
        return title
    words = ((mark(models[name]), map(mark, others)) for mark in (recipe_word, card_size))
    own = next((mine for mine, theirs in words if mine and mine not in theirs), name)
    return _("{title} ({mark})").format(title=title, mark=own)


def recipe_word(card: Card) -> str:
    return _(card.recipe_title or card.recipe)


def card_size(card: Card) -> str:
    return size_word(data_name(card), card.size)


def data_name(card: Card) -> str:
    """Returns the data set that the model was trained on, without the part."""
    part = next((part for part in DATA_PARTS if card.data.startswith(part)), "")
    return card.data.removeprefix(part)
