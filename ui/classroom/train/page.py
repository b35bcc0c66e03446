"""Before a run: presets as cards, or any recipe x data x settings, all of it in the URL."""

from __future__ import annotations

import itertools
import re
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

import streamlit as st

from gan_core import data
from gan_core.data.user import folders
from gan_core.data.user.references import own
from gan_core.errors import GanscopeError
from gan_core.gans import Recipe
from gan_core.hparams import TrainingHParams
from gan_core.models import lending
from gan_core.pictures.fits import CROP, PAD, STRETCH
from gan_core.training import schedule
from gan_core.training.remedies import offered
from ui.classroom.shell import access, knob_widgets, sessions
from ui.classroom.shell.errors import shown
from ui.classroom.shell.i18n import N_, STATE, _
from ui.classroom.train import data_panel, preset_cards, train_choices, user_sets
from ui.classroom.train.setup import Setup, default_setup, from_query, to_query
from ui.classroom.train.train_choices import fitting_size, sizes_for
from ui.texts import data_title, error_sentence, is_points, number, plain, remedy_words

CURRENT = "setup"  # keys of the session's state
WRITTEN = "setup-query"
ROUND = "setup-round"  # a number in all widget keys: new widgets show new values
PROBLEMS = "setup-problems"
FORM_FIRST = "setup-form-first"  # a link or a preset to adjust was opened
OWN = "own"
LONG = 33  # letters of an equation, commands aside, that fit into the column
BRACKETS = {"[": 1, "(": 1, "{": 1, "]": -1, ")": -1, "}": -1}
LAYOUTS = {  # what the user's own images must look like, by what the recipe learns from
    "images": N_(
        "A zip of pictures; subfolders become classes. Broken files are left out. All stays on this computer."
    ),
    "paired": N_(
        "A zip with folders trainA and trainB, in which partners have the same name; or of pictures that hold both "
        "side by side, the source left. All stays on this computer."
    ),
    "unpaired": N_(
        "A zip with folders trainA and trainB, each with any number of pictures. All stays on this computer."
    ),
}
FIT_LABELS = {  # how the user's pictures become squares
    CROP: N_("Cut to the middle"),
    STRETCH: N_("Stretched"),
    PAD: N_("Padded"),
}
OWN_IMAGES = "+own"  # what the data selector gives for "my own images"


def show() -> None:
    """The whole page."""
    _arrive()
    _problems()
    parts = [_presets, _form]
    for part in reversed(parts) if st.session_state.get(FORM_FIRST) else parts:
        part()


def _presets() -> None:
    preset_cards.show(launch, _adjust)


def _adjust(setup: Setup) -> None:
    """Puts the setup into the form, which then comes first; doesn't return."""
    st.session_state[FORM_FIRST] = True
    _take(setup)
    st.rerun()


def _arrive() -> None:
    """Takes the setup from the URL when it isn't the one that this page wrote there."""
    query = {name: value for name, value in st.query_params.to_dict().items() if name not in ("lang", "run")}
    if CURRENT in st.session_state and query == st.session_state.get(WRITTEN):
        return
    setup, problems = from_query(query) if query else (default_setup(), [])
    st.session_state[FORM_FIRST] = bool(query)
    _take(setup)
    st.session_state[PROBLEMS] = problems


def _take(setup: Setup) -> None:
    st.session_state[CURRENT] = setup
    st.session_state[ROUND] = st.session_state.get(ROUND, 0) + 1
    st.session_state[PROBLEMS] = []
    _write(setup)


def _write(setup: Setup) -> None:
    """The setup into the URL."""
    try:
        query = {} if setup == default_setup() else to_query(setup)
    except GanscopeError:  # settings that don't fit together are told below the form, and no link keeps them
        return
    st.session_state[WRITTEN] = query
    if {k: v for k, v in st.query_params.to_dict().items() if k != "lang"} != query:
        st.query_params.from_dict({"lang": st.session_state.get(STATE, "en"), **query})


def launch(setup: Setup, name: str = "") -> None:
    """Starts the run and opens its page."""
    run = sessions.start(setup.plan(), name)
    open_run(run.id)


def open_run(id: str) -> None:
    """Shows a run on this page; doesn't return."""
    for key in (CURRENT, WRITTEN):
        st.session_state.pop(key, None)
    st.query_params.from_dict({"lang": st.session_state.get(STATE, "en"), "run": id})
    st.rerun()


def _problems() -> None:
    """What was wrong with the link."""
    for problem in st.session_state.get(PROBLEMS, []):
        st.warning(
            _("This link has a flaw, and the default was taken instead: {problem}").format(
                problem=plain(error_sentence(problem))
            ),
            icon=":material/link_off:",
        )


def _form() -> None:
    setup: Setup = st.session_state[CURRENT]
    recipe = setup.recipe_object
    first = st.session_state.get(FORM_FIRST)
    st.subheader(_("Your settings") if first else _("Or set it up yourself"), anchor=False)
    round_ = st.session_state[ROUND]
    left, right = st.columns([3, 2], gap="large")
    with left:
        setup = _choices(setup, recipe, round_)
        values = _knobs(setup, recipe, f"knob{round_}.{recipe.name}")
    setup = Setup(setup.recipe, setup.data, setup.size, setup.steps, setup.preset, values)
    st.session_state[CURRENT] = setup
    _write(setup)
    with right:
        _length_of_rates(setup)
        _summary(setup, recipe)


def _length_of_rates(setup: Setup) -> None:
    """Warns of steps that would train nothing, as where a preset's steps are raised and its schedule isn't."""
    if setup.unread():
        return
    end = schedule.length(setup.hparams)
    if isinstance(setup.steps, int) and end < setup.steps:
        st.warning(
            _("The learning rates reach 0 at step {end}: the last {rest} steps would train nothing. Raise “{knob}”, or "
              "plan fewer steps.").format(
                end=number(end), rest=number(setup.steps - end), knob=_("Decay steps")
            ),
            icon=":material/trending_down:",
        )  # fmt: skip


def _knobs(setup: Setup, recipe: Recipe, prefix: str) -> dict[str, Any]:
    """The settings; those on which a recipe must agree with the model that it borrows from follow it."""
    if recipe.loan is None:
        return knob_widgets.draw_calm(recipe.hparams, setup.hparams, prefix, points=recipe.task == "points")
    borrowed = recipe.loan.knob
    offered = {"": _("None"), **train_choices.lenders(recipe, setup.data, setup.size)}
    followed: dict[str, Any] = {}
    with suppress(GanscopeError):  # what is wrong with the model is told in the summary
        followed = lending.agreed(recipe, st.session_state.get(f"{prefix}.{borrowed}", setup.hparams[borrowed]))
    return knob_widgets.draw_calm(recipe.hparams, {**setup.hparams, **followed}, prefix, {borrowed: offered}, followed)


def _choices(setup: Setup, recipe: Recipe, round_: int) -> Setup:
    """Recipe, data, size and length."""
    chosen = _recipe_choice(recipe, round_)
    if chosen != setup.recipe:
        _take(default_setup(chosen))
        st.rerun()
    sizes = sizes_for(recipe)
    row = iter(st.columns(2 if len(sizes) == 1 else [2, 1, 1]))
    with next(row):
        reference = _data_choice(setup, recipe, round_)
    if reference != setup.data:
        _use(setup, reference)
    size = setup.size
    if len(sizes) > 1:
        with next(row):
            size = st.selectbox(
                _("Image size"), sizes, sizes.index(setup.size), lambda size: f"{size} × {size} px",
                key=f"size{round_}",
                help=_("Images become squares of this size. Twice the size takes about four times as long."),
            )  # fmt: skip
    with next(row):
        steps = knob_widgets.control("steps", int, setup.steps, knob_widgets.STEPS, f"steps{round_}", disabled=False)
    if not (reference in data.sources or is_points(reference)) or st.session_state.get(OWN):
        _own_images(setup, round_)
    return Setup(setup.recipe, setup.data, size, steps, setup.preset, setup.hparams)


def _recipe_choice(recipe: Recipe, round_: int) -> str:
    """A kind of recipe, and one of that kind."""
    groups = train_choices.grouped()
    with st.container(key="recipe-choice"):
        group = st.segmented_control(
            _("Recipe"), list(groups), default=train_choices.group_of(recipe), key=f"group{round_}", required=True,
            format_func=lambda name: _(train_choices.GROUPS[name]),
            help=_("Which GAN: its networks, losses and defaults."),
        )  # fmt: skip
        members = groups[group or train_choices.group_of(recipe)]
        if recipe not in members:
            return members[0].name
        words = {member.name: f"{_(member.title)} ({member.year})" for member in members}
        chosen: str = st.selectbox(
            _("Recipe"), list(words), list(words).index(recipe.name), words.__getitem__, key=f"recipe{round_}.{group}",
            label_visibility="collapsed",
        )  # fmt: skip
        return chosen


def _data_choice(setup: Setup, recipe: Recipe, round_: int) -> str:
    given = [] if setup.data in data.sources else [setup.data]
    options = [*given, *train_choices.fitting_data(recipe)]
    if recipe.learns_from != "points":
        options.append(OWN_IMAGES)

    def word(reference: str) -> str:
        if reference == OWN_IMAGES:
            return _("My own images …")
        title = data_title(reference)
        if reference in data.sources and not data.source(reference).available():
            return title + " " + _("(not here yet)")
        return title

    uploading = st.session_state.get(OWN) and not given and OWN_IMAGES in options
    place = options.index(OWN_IMAGES if uploading else setup.data)
    chosen = st.selectbox(
        _("Data"), options, place, word, key=f"data{round_}", help=_("What is real: the GAN learns to make such.")
    )
    st.session_state[OWN] = chosen == OWN_IMAGES
    return setup.data if chosen == OWN_IMAGES else chosen


def _own_images(setup: Setup, round_: int) -> None:
    """A zip to upload, or for the owner a folder of this computer."""
    kind = setup.recipe_object.learns_from
    with st.container(border=True):
        st.markdown(f"**{_('My own images')}**")
        st.caption(_(LAYOUTS[kind]))
        _upload(setup, kind, round_)
        mine = own(setup.data)
        user_sets.show(kind, str(replace(mine, fit=CROP)) if mine else "", partial(_use, setup))
        if access.is_owner():
            _folder(setup, "folder" if kind == "images" else kind, round_)
        _fit(setup, round_)


def _upload(setup: Setup, task: str, round_: int) -> None:
    locked = not access.may_steer()
    sent = st.file_uploader(
        _("Zip file"),
        type="zip",
        key=f"zip{round_}",
        disabled=locked,
        help=access.why_locked(),
        max_upload_size=2048,
    )
    if sent is not None and st.session_state.get("zip-taken") != sent.file_id:
        with shown():
            access.require_steering()
            stored = folders.store_upload(sent.name, sent, task)
            st.session_state["zip-taken"] = sent.file_id
            _use(setup, stored)


def _folder(setup: Setup, kind: str, round_: int) -> None:
    path = st.text_input(_("Or a folder of this computer"), key=f"folder{round_}", placeholder="/home/me/pictures")
    if path:
        with shown():
            access.require_owner()
            before = own(setup.data)
            if before is None or (before.kind, before.path) != (kind, path):
                _use(setup, f"{kind}:{path}")


def _fit(setup: Setup, round_: int) -> None:
    """What happens to pictures that aren't square, once there are some."""
    mine = own(setup.data)
    if mine is None:
        return
    chosen = st.segmented_control(
        _("Pictures become squares"), list(FIT_LABELS), default=mine.fit, key=f"fit{round_}", required=True,
        format_func=lambda fit: _(FIT_LABELS[fit]),
        help=_(
            "Cut: the square in the middle. Stretched: all of the picture, pulled to a square. Padded: all of it, with "
            "mirrored borders."
        ),
    )  # fmt: skip
    if chosen and chosen != mine.fit:
        _take(replace(setup, data=str(replace(mine, fit=chosen))))
        st.rerun()


def _use(setup: Setup, reference: str) -> None:
    """Takes other data; what is the user's own is fitted as it was before. Doesn't return."""
    recipe = setup.recipe_object
    before, mine = own(setup.data), own(reference)
    if before and mine:
        reference = str(replace(mine, fit=before.fit))
    st.session_state[OWN] = False
    _take(Setup(setup.recipe, reference, fitting_size(recipe, reference), setup.steps, setup.preset, setup.hparams))
    st.rerun()


def _summary(setup: Setup, recipe: Recipe) -> None:
    """What was chosen in words, what to know about it, and the button."""
    with st.container(border=True, key="summary"):
        st.markdown(f"#### {_(recipe.title)}")
        if recipe.about:
            st.write(_(recipe.about))
        waiting = bool(st.session_state.get(OWN))
        if waiting:
            st.info(_("Upload a zip or choose one of your sets; then this can be trained."), icon=":material/upload:")
        else:
            data_panel.about(setup, recipe)
        problem = ""
        with shown():
            problem = _problem(setup)
            if problem:
                st.error(plain(problem), icon=":material/error:")
            else:
                _explained(setup, recipe, setup.settings())
        name = st.text_input(_("Name (optional)"), key="setup-name", max_chars=80)
        pressed = st.button(
            _("Train"), type="primary", icon=":material/play_arrow:", width="stretch", key="train",
            disabled=not access.may_steer() or waiting or bool(problem),
            help=access.why_locked() or plain(problem) or None,
        )  # fmt: skip
        if pressed and not (waiting or problem):  # a field that was left by this press may have spoilt it
            with shown():
                launch(setup, name or "")
        st.caption(
            ":material/link: " + _("The address of this page holds all settings: share it, and others get the same.")
        )


def _problem(setup: Setup) -> str:
    """Why the setup can't be trained, as a sentence; "" where it can."""
    if unread := setup.unread():
        return knob_widgets.correct_first(unread)
    try:
        setup.plan()
        return ""
    except GanscopeError as error:
        return error_sentence(error)


def _explained(setup: Setup, recipe: Recipe, settings: TrainingHParams) -> None:
    """What the settings mean: the equation, and what to know of them."""
    if recipe.equation:
        st.latex(narrow(recipe.equation(settings)))
    objective = recipe.objective(settings)
    for note in objective.notes(settings):
        st.info(_(note), icon=":material/info:")
    for name, changes in offered(objective.remedies(settings), settings).items():
        if st.button(remedy_words(name, changes), key=f"setup-remedy-{name}"):
            _take(replace(setup, hparams={**setup.hparams, **changes}))
            st.rerun()


def narrow(equation: str) -> str:
    """The equation for a narrow column: small, each player on a line of its own, and long lines broken at terms."""
    lines: list[str] = []
    for player in equation.split(r"\qquad"):
        first, *rest = _terms(player.strip())
        lines.append(first)
        for term in rest:
            if len(re.sub(r"\\[a-zA-Z]+|[{}\\]", "", lines[-1] + term)) > LONG:
                lines.append(r"\quad ")
            lines[-1] += term
    return r"\footnotesize " + r"\\[4pt] \footnotesize ".join(lines)


def _terms(line: str) -> list[str]:
    """An equation cut before each plus or minus between two terms and after each comma, outside of all brackets."""
    starts, depth = [0], 0
    for place, letter in enumerate(line):
        depth += BRACKETS.get(letter, 0)
        if not depth and ((letter in "+-" and line[place - 1] in "])}") or line.startswith(r",\ ", place - 1)):
            starts.append(place)
    return [line[start:end] for start, end in itertools.pairwise([*starts, len(line)])]
