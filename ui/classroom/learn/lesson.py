"""What a lesson consists of. A lesson is one file in `lessons/` that registers itself; `lessons/__init__.py` names it.

Texts are Markdown with formulas between dollar signs, marked by `N_` and translated where they are shown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gan_core.registry import Registry
from ui.classroom.shell.i18n import N_

PAGES = ("playground", "train", "model")  # where an experiment can be set up


@dataclass(frozen=True)
class Formula:
    """An equation in LaTeX and the functions of `gan_core.teaching` that compute it; tests check that they agree."""

    latex: str
    twins: tuple[Callable[..., Any], ...]


@dataclass(frozen=True)
class Setting:
    """A button that sets up an experiment: a page and the settings in its link, as `train/setup.py` writes them."""

    label: str
    page: str  # one of PAGES
    query: Mapping[str, str]

    def __post_init__(self) -> None:
        if self.page not in PAGES:
            raise ValueError(f"experiments are set up on {PAGES}, not on {self.page}")


@dataclass(frozen=True)
class Experiment:
    """Something to try for at most a minute: `text` says what to do, `look_for` what will be seen."""

    text: str
    settings: tuple[Setting, ...]
    look_for: str


@dataclass(frozen=True)
class Question:
    """A question and its answer, which is hidden until requested."""

    text: str
    answer: str


@dataclass(frozen=True)
class Lesson:
    """One lesson. `body` mixes paragraphs and formulas; `figure` draws the interactive figure and its controls."""

    name: str
    number: int  # position in the course
    title: str
    about: str  # one sentence for the list
    minutes: int
    body: tuple[str | Formula, ...]
    figure: Callable[[], None]
    explore: str  # what to do with the figure
    experiment: Experiment
    questions: tuple[Question, ...]
    teacher: str  # questions to ask, and how long it takes

    def parts(self) -> list[str]:
        """What a visitor's progress counts: the lesson itself, and each question."""
        return [self.name, *(self.question_mark(place) for place in range(len(self.questions)))]

    def question_mark(self, place: int) -> str:
        return f"{self.name}.{place + 1}"


lessons: Registry[Lesson] = Registry(N_("lesson"))


def register(lesson: Lesson) -> Lesson:
    """Adds a lesson; raises ValueError where its name is taken."""
    return lessons.register(lesson.name, lesson)


def in_order() -> list[Lesson]:
    """All lessons by their numbers."""
    return sorted(lessons, key=lambda lesson: lesson.number)
