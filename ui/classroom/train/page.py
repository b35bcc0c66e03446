"""The setup page: presets as cards, or any recipe, data and settings, all stored in the URL."""

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
from gan_core.data.user.references import user_images
from gan_core.doctor.remedies import offered
from gan_core.errors import GanscopeError
from gan_core.gans import Recipe
from gan_core.hparams import TrainingHParams
from gan_core.models import lending
from gan_core.pictures.fits import CROP, PAD, STRETCH
from gan_core.training import schedule
from ui.classroom.shell import access, knob_widgets, sessions
from ui.classroom.shell.errors import showing_errors
from ui.classroom.shell.i18n import N_, STATE, _
from ui.classroom.train import blog_code, data_panel, preset_cards, train_choices, user_sets
from ui.classroom.train.setup import Setup, default_setup, from_query, to_query
from ui.classroom.train.train_choices import fitting_size, sizes_for
from ui.texts import data_title, error_sentence, is_points, number, plain, remedy_words, sentence

CURRENT = "setup"  # session state keys
WRITTEN = "setup-query"
ROUND = "setup-round"  # a counter in all widget keys: a new value renews the widgets
PROBLEMS = "setup-problems"
FORM_FIRST = "setup-form-first"  # the page was opened by a link, or a preset is being adjusted
USER_IMAGES = "own"
LONG = 33  # characters of an equation, without commands, that fit into the column
BRACKETS = {"[": 1, "(": 1, "{": 1, "]": -1, ")": -1, "}": -1}
LAYOUTS = {  # format of the user's images, by task
    "images": N_(
        "A zip of images; each subfolder becomes a class. Broken files are skipped. Everything stays on this computer."
    ),
    "paired": N_(
        "A zip with folders trainA and trainB in which paired images have the same name, or of images that hold "
        "both side by side, the source on the left. Everything stays on this computer."
    ),
    "unpaired": N_(
        "A zip with folders trainA and trainB, each with any number of images. Subfolders of trainA become classes, "
        "which domain adaptation needs. Everything stays on this computer."
    ),
    "audio": N_(
        "A zip of recordings (WAV; FLAC, OGG and MP3 with the package soundfile); each subfolder becomes a class. "
        "Recordings are resampled to 8 kHz, and longer ones are cut into pieces of a second. Broken files are skipped. "
        "Everything stays on this computer."
    ),
}
FOLDER_KINDS = {"images": "folder", "audio": "sounds"}  # by task; other kinds are called like their task
FIT_LABELS = {  # how the user's images are made square
    CROP: N_("Centre crop"),
    STRETCH: N_("Stretch"),
    PAD: N_("Pad"),
}
USER_OPTION = "+own"  # value of the data selector for "my own images"


def show() -> None:
    """Renders the page."""
    _arrive()
    _problems()
    parts = [_presets, _form]
    for part in reversed(parts) if st.session_state.get(FORM_FIRST) else parts:
        part()


def _presets() -> None:
    preset_cards.show(launch, _adjust)


def _adjust(setup: Setup) -> None:
    """Loads the setup into the form, which then comes first; doesn't return."""
    st.session_state[FORM_FIRST] = True
    _take(setup)
    st.rerun()


def _arrive() -> None:
    """Loads the setup from the URL unless this page wrote it there."""
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
    """Writes the setup into the URL."""
    try:
        query = {} if setup == default_setup() else to_query(setup)
    except GanscopeError:  # conflicting settings are reported below the form and not written into the link
        return
    st.session_state[WRITTEN] = query
    if {k: v for k, v in st.query_params.to_dict().items() if k != "lang"} != query:
        st.query_params.from_dict({"lang": st.session_state.get(STATE, "en"), **query})


def launch(setup: Setup, name: str = "") -> None:
    """Starts the run and opens its page."""
    run = sessions.start(setup.plan(), name)
    open_run(run.id)


def open_run(id: str) -> None:
    """Opens a run on this page; doesn't return."""
    for key in (CURRENT, WRITTEN):
        st.session_state.pop(key, None)
    st.query_params.from_dict({"lang": st.session_state.get(STATE, "en"), "run": id})
    st.rerun()


def _problems() -> None:
    """Shows problems of the link."""
    for problem in st.session_state.get(PROBLEMS, []):
        st.warning(
            _("Part of this link is invalid, so the default is used instead: {problem}").format(
                problem=plain(error_sentence(problem))
            ),
            icon=":material/link_off:",
        )


def _form() -> None:
    setup: Setup = st.session_state[CURRENT]
    recipe = setup.recipe_object
    first = st.session_state.get(FORM_FIRST)
    st.subheader(_("Your settings") if first else _("Or choose your own settings"), anchor=False)
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
    """Warns of steps without effect, for example if a preset's steps are raised but its schedule isn't."""
    if setup.invalid_fields():
        return
    end = schedule.length(setup.hparams)
    if isinstance(setup.steps, int) and end < setup.steps:
        st.warning(
            _("The learning rates reach 0 at step {end}, so the last {rest} steps would have no effect. Increase "
              "“{knob}”, or plan fewer steps.").format(
                end=number(end), rest=number(setup.steps - end), knob=_("Decay steps")
            ),
            icon=":material/trending_down:",
        )  # fmt: skip


def _knobs(setup: Setup, recipe: Recipe, prefix: str) -> dict[str, Any]:
    """Renders the settings; those that must match a borrowed model follow it."""
    if recipe.pretrained_part is None:
        return knob_widgets.draw_all(recipe.hparams, setup.hparams, prefix, points=recipe.task == "points")
    borrowed = recipe.pretrained_part.knob
    offered = {"": _("None"), **train_choices.lenders(recipe, setup.data, setup.size)}
    followed: dict[str, Any] = {}
    with suppress(GanscopeError):  # problems of the model are shown in the summary
        followed = lending.agreed(recipe, st.session_state.get(f"{prefix}.{borrowed}", setup.hparams[borrowed]))
    return knob_widgets.draw_all(recipe.hparams, {**setup.hparams, **followed}, prefix, {borrowed: offered}, followed)


def _choices(setup: Setup, recipe: Recipe, round_: int) -> Setup:
    """Renders recipe, data, size and length."""
    chosen = _recipe_choice(recipe, round_)
    if chosen != setup.recipe:
        _take(default_setup(chosen))
        st.rerun()
    sizes = sizes_for(recipe, setup.data)
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
                help=_("Images are resized to squares of this size. Doubling it takes about four times as long."),
            )  # fmt: skip
    with next(row):
        steps = knob_widgets.control("steps", int, setup.steps, knob_widgets.STEPS, f"steps{round_}", disabled=False)
    if not (reference in data.sources or is_points(reference)) or st.session_state.get(USER_IMAGES):
        _user_images(setup, round_)
    return Setup(setup.recipe, setup.data, size, steps, setup.preset, setup.hparams)


def _recipe_choice(recipe: Recipe, round_: int) -> str:
    """Renders the choice of a group and a recipe in it."""
    groups = train_choices.grouped()
    with st.container(key="recipe-choice"):
        group = st.segmented_control(
            _("Recipe"), list(groups), default=train_choices.group_of(recipe), key=f"group{round_}", required=True,
            format_func=lambda name: _(train_choices.GROUPS[name]),
            help=_("The GAN to train: its networks, losses and defaults."),
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
    if recipe.learns_from in LAYOUTS:
        options.append(USER_OPTION)

    def word(reference: str) -> str:
        if reference == USER_OPTION:
            return _("My own recordings …") if recipe.learns_from == "audio" else _("My own images …")
        title = data_title(reference)
        if reference in data.sources and not data.source(reference).available():
            return _("{title} ({mark})").format(title=title, mark=_("not downloaded"))
        return title

    uploading = st.session_state.get(USER_IMAGES) and not given and USER_OPTION in options
    place = options.index(USER_OPTION if uploading else setup.data)
    chosen = st.selectbox(
        _("Data"), options, place, word, key=f"data{round_}", help=_("The real data that the GAN learns to imitate.")
    )
    st.session_state[USER_IMAGES] = chosen == USER_OPTION
    return setup.data if chosen == USER_OPTION else chosen


def _user_images(setup: Setup, round_: int) -> None:
    """Lets visitors upload a zip, and the owner choose a folder."""
    kind = setup.recipe_object.learns_from
    if kind not in LAYOUTS:
        return
    with st.container(border=True):
        st.markdown(f"**{_('My own recordings') if kind == 'audio' else _('My own images')}**")
        st.caption(_(LAYOUTS[kind]))
        _upload(setup, kind, round_)
        user_set = user_images(setup.data)
        user_sets.show(kind, str(replace(user_set, fit=CROP)) if user_set else "", partial(_use, setup))
        if access.is_owner():
            _folder(setup, FOLDER_KINDS.get(kind, kind), round_)
        if kind != "audio":
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
    if sent is None:
        return
    with showing_errors():
        if st.session_state.get("zip-taken") != (sent.file_id, task):
            access.require_steering()
            st.session_state["zip-taken"], st.session_state["zip-problem"] = (sent.file_id, task), None
            try:
                stored = folders.store_upload(sent.name, sent, task)
            except GanscopeError as error:
                st.session_state["zip-problem"] = error.message, error.values
            else:
                _use(setup, stored)
        if problem := st.session_state["zip-problem"]:  # a refused zip isn't stored again at every rerun
            st.error(plain(sentence(*problem)), icon=":material/error:")


def _folder(setup: Setup, kind: str, round_: int) -> None:
    path = st.text_input(_("Or a folder on this computer"), key=f"folder{round_}", placeholder="/home/me/pictures")
    if path:
        with showing_errors():
            access.require_owner()
            before = user_images(setup.data)
            if before is None or (before.kind, before.path) != (kind, path):
                _use(setup, f"{kind}:{path}")


def _fit(setup: Setup, round_: int) -> None:
    """Lets the user choose how non-square images are made square."""
    user_set = user_images(setup.data)
    if user_set is None:
        return
    chosen = st.segmented_control(
        _("Make images square"), list(FIT_LABELS), default=user_set.fit, key=f"fit{round_}", required=True,
        format_func=lambda fit: _(FIT_LABELS[fit]),
        help=_(
            "Centre crop keeps the middle square. Stretch distorts the image to a square. Pad keeps the whole "
            "image and mirrors its borders."
        ),
    )  # fmt: skip
    if chosen and chosen != user_set.fit:
        _take(replace(setup, data=str(replace(user_set, fit=chosen))))
        st.rerun()


def _use(setup: Setup, reference: str) -> None:
    """Switches to other data; user images keep their fit. Doesn't return."""
    recipe = setup.recipe_object
    before, user_set = user_images(setup.data), user_images(reference)
    if before and user_set:
        reference = str(replace(user_set, fit=before.fit))
    st.session_state[USER_IMAGES] = False
    _take(Setup(setup.recipe, reference, fitting_size(recipe, reference), setup.steps, setup.preset, setup.hparams))
    st.rerun()


def _summary(setup: Setup, recipe: Recipe) -> None:
    """Shows the choice in words, notes on it, and the button."""
    with st.container(border=True, key="summary"):
        st.markdown(f"#### {_(recipe.title)}")
        if recipe.about:
            st.write(_(recipe.about))
        waiting = bool(st.session_state.get(USER_IMAGES))
        if waiting:
            st.info(_("Upload a zip or choose one of your data sets to train on it."), icon=":material/upload:")
        else:
            data_panel.about(setup, recipe)
        problem = ""
        with showing_errors():
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
        # editing a field and clicking the button at once may have made it invalid
        if pressed and not (waiting or problem):
            with showing_errors():
                launch(setup, name or "")
        st.caption(
            ":material/link: "
            + _("The address of this page holds all settings. Share it, and others get the same setup.")
        )


def _problem(setup: Setup) -> str:
    """Returns why the setup can't be trained; "" if it can."""
    if invalid_fields := setup.invalid_fields():
        return knob_widgets.correct_first(invalid_fields)
    try:
        setup.plan()
        return ""
    except GanscopeError as error:
        return error_sentence(error)


def _explained(setup: Setup, recipe: Recipe, settings: TrainingHParams) -> None:
    """Explains the settings: the equation and notes."""
    if recipe.equation:
        latex = narrow(recipe.equation(settings))
        st.latex(latex)
        blog_code.show(recipe, setup.preset, latex)
    objective = recipe.objective(settings)
    for note in objective.notes(settings):
        st.info(_(note), icon=":material/info:")
    for name, changes in offered(objective.remedies(settings), settings).items():
        if st.button(remedy_words(name, changes), key=f"setup-remedy-{name}"):
            _take(replace(setup, hparams={**setup.hparams, **changes}))
            st.rerun()


def narrow(equation: str) -> str:
    """Formats the equation for a narrow column: small, one line per player, long lines broken between terms."""
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
    """Splits an equation before each top-level plus or minus and after each top-level comma."""
    starts, depth = [0], 0
    for place, letter in enumerate(line):
        depth += BRACKETS.get(letter, 0)
        if not depth and ((letter in "+-" and line[place - 1] in "])}") or line.startswith(r",\ ", place - 1)):
            starts.append(place)
    return [line[start:end] for start, end in itertools.pairwise([*starts, len(line)])]
