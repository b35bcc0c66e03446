"""The page Learn: the list of lessons, or the one that the link names (`?lesson=NAME`)."""

from __future__ import annotations

import inspect
import textwrap

import streamlit as st

from ui.classroom.learn import progress
from ui.classroom.learn.lesson import Formula, Lesson, Setting, in_order, lessons
from ui.classroom.learn.lessons import ORDER
from ui.classroom.models.shelf import shelf
from ui.classroom.shell import style
from ui.classroom.shell.errors import showing_errors
from ui.classroom.shell.i18n import STATE, _
from ui.texts import plain, titles

PLAN = "docs/lesson_plan.md"
PAGE_FILES = {"playground": "pages/playground.py", "train": "pages/train.py", "model": "pages/model.py"}


def show() -> None:
    """The whole page."""
    assert len(ORDER) == len(lessons)
    style.apply("learn/learn.css")
    asked = st.query_params.get("lesson")
    if asked is not None:
        with showing_errors():
            _lesson(lessons.get(asked))
            return
    _index()


# --- the list ----------------------------------------------------------------------------------------


def _index() -> None:
    read = progress.done()
    found = in_order()
    st.title(_("Learn how GANs work"), anchor=False)
    with st.container(key="lead"):
        st.markdown(
            _("Short lessons in order: a page of text, a figure to move, an experiment of at most a minute, and "
              "questions with answers. You need basic calculus and probability; no GAN knowledge.")
        )  # fmt: skip
    _how_far(found, read)
    for start in range(0, len(found), 2):
        for column, lesson in zip(st.columns(2), found[start : start + 2], strict=False):
            with column:
                _card(lesson, read)
    st.caption(
        ":material/school: "
        + _("For teachers: {file} has a plan for 45 minutes and a course of four sessions.").format(file=f"`{PLAN}`")
    )
    progress.keep()


def _how_far(found: list[Lesson], read: set[str]) -> None:
    """The progress, and the first lesson that isn't read yet."""
    count = sum(lesson.name in read for lesson in found)
    ahead = next((lesson for lesson in found if lesson.name not in read), None)
    st.progress(count / len(found), _("{count} of {all} lessons read").format(count=count, all=len(found)))
    with st.container(horizontal=True, vertical_alignment="center", key="learn-next"):
        if ahead:
            words = _("Continue with lesson {number}") if count else _("Begin with lesson {number}")
            st.page_link(
                "pages/learn.py", label=f"**{words.format(number=ahead.number)}**", icon=":material/play_arrow:",
                query_params=_query(ahead),
            )  # fmt: skip
        if read and st.button(_("Forget my progress"), icon=":material/restart_alt:", type="tertiary", key="forget"):
            progress.forget()
            st.rerun()


def _card(lesson: Lesson, read: set[str]) -> None:
    with st.container(border=True, key=f"card-lesson-{lesson.name}"):
        st.page_link("pages/learn.py", label=f"**{lesson.number} · {_(lesson.title)}**", query_params=_query(lesson))
        st.markdown(_(lesson.about))
        marks = [f":material/schedule: {_('{minutes} min').format(minutes=lesson.minutes)}"]
        revealed = sum(part in read for part in lesson.parts()[1:])
        if lesson.name in read:
            marks.append(f":green[:material/check_circle: {_('read')}]")
        if revealed:
            words = _("{count} of {all} answers seen").format(count=revealed, all=len(lesson.questions))
            marks.append(f":material/quiz: {words}")
        st.caption(" · ".join(marks))


# --- one lesson ----------------------------------------------------------------------------------------


def _lesson(lesson: Lesson) -> None:
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute",
                      key="lesson-back"):  # fmt: skip
        st.page_link("pages/learn.py", label=_("All lessons"), icon=":material/arrow_back:", query_params=_query(None))
        progress.keep(lesson.name)
    with st.container(key="lesson"):
        st.title(f"{lesson.number} · {_(lesson.title)}", anchor=False)
        left, right = st.columns(2, gap="large")
        with left:
            _body(lesson)
        with right, st.container(key="lesson-figure"):
            st.subheader(_("Try it"), anchor=False)
            st.markdown(_(lesson.explore))
            with showing_errors():
                st.fragment(lesson.figure)()
        left, right = st.columns(2, gap="large")
        with left, st.container(key="lesson-experiment"):
            _experiment(lesson)
        with right:
            _questions(lesson)
        with st.container(key="lesson-teacher"):
            st.markdown(f":material/school: **{_('For teachers')}** · {_(lesson.teacher)}")
        _answers_for_paper(lesson)
    with st.container(key="lesson-end"):
        _end(lesson)


def _body(lesson: Lesson) -> None:
    for place, part in enumerate(lesson.body):
        if isinstance(part, Formula):
            _formula(part, f"{lesson.name}-{place}")
        else:
            st.markdown(_(part))


def _formula(formula: Formula, key: str) -> None:
    """Shows the equation and, at the press of a button, the code that computes it."""
    st.latex(formula.latex)
    with st.popover(_("As code"), icon=":material/code:", type="tertiary", key=f"code-{key}"):
        for twin in formula.twins:
            st.code(textwrap.dedent(inspect.getsource(twin)), language="python")


def _experiment(lesson: Lesson) -> None:
    experiment = lesson.experiment
    st.subheader(_("Experiment"), anchor=False)
    st.markdown(_(experiment.text))
    with st.container(horizontal=True, key="lesson-links"):
        for setting in experiment.settings:
            _setting(setting)
    st.markdown(f":material/visibility: **{_('What to look for')}** · {_(experiment.look_for)}")


def _setting(setting: Setting) -> None:
    label = _(setting.label)
    if label == setting.query.get("model"):  # a model of the shelf, by its title
        label = plain(titles(shelf().models).get(label, label))
    st.page_link(
        PAGE_FILES[setting.page], label=label, icon=":material/science:",
        query_params={**setting.query, "lang": _language()},
    )  # fmt: skip


def _questions(lesson: Lesson) -> None:
    with st.container(key="lesson-questions"):
        st.subheader(_("Questions"), anchor=False)
        for place, question in enumerate(lesson.questions):
            panel = st.expander(
                f"**{place + 1}.** {_(question.text)}", key=f"question-{lesson.name}-{place}", on_change="rerun",
            )  # fmt: skip
            if panel.open:
                with panel:
                    st.markdown(_(question.answer))
                _mark(lesson.question_mark(place))


def _mark(name: str) -> None:
    """Marks something as read; if that is new, reruns the page, so that the browser stores it."""
    if name not in progress.done():
        progress.add(name)
        st.rerun()


def _answers_for_paper(lesson: Lesson) -> None:
    """The questions with room to write, and below them the answers; visible only in print."""
    with st.container(key="handout-questions"):
        st.subheader(_("Questions"), anchor=False)
        for place, question in enumerate(lesson.questions):
            st.markdown(f"**{place + 1}.** {_(question.text)}")
    with st.container(key="handout-answers"):
        st.subheader(_("Answers"), anchor=False)
        for place, question in enumerate(lesson.questions):
            st.markdown(f"**{place + 1}.** {_(question.answer)}")


def _end(lesson: Lesson) -> None:
    """Shows the buttons "read", "previous" and "next"."""
    found = in_order()
    place = found.index(lesson)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        if place:
            _neighbour(found[place - 1], ":material/arrow_back:", _("Previous: {title}"))
        if lesson.name in progress.done():
            st.markdown(f":green[:material/check_circle: {_('You have read this lesson')}]", width="content")
        elif st.button(_("Mark as read"), icon=":material/check:", type="primary", key="mark-read"):
            progress.add(lesson.name)
            st.rerun()
        if place + 1 < len(found):
            _neighbour(found[place + 1], ":material/arrow_forward:", _("Next: {title}"))


def _neighbour(lesson: Lesson, icon: str, words: str) -> None:
    st.page_link("pages/learn.py", label=words.format(title=_(lesson.title)), icon=icon, query_params=_query(lesson))


def _query(lesson: Lesson | None) -> dict[str, str]:
    return {"lang": _language()} | ({"lesson": lesson.name} if lesson else {})


def _language() -> str:
    return str(st.session_state.get(STATE, "en"))
