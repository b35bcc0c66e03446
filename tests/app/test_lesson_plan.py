"""The plan for teachers: every link of docs/lesson_plan.md opens the named page, every command runs."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from typer.testing import CliRunner

from gan_core.cli import app
from gan_core.models.card import read_card
from tests.app.test_learn_page import MOST_STEPS
from ui.classroom.learn.lesson import in_order, lessons
from ui.classroom.learn.lessons import ORDER
from ui.classroom.learn.page import PLAN
from ui.classroom.playground import begin
from ui.classroom.train.setup import from_query

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / PLAN).read_text(encoding="utf-8")
LINKS = re.findall(r"\]\((/[^)]+)\)", TEXT)
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", TEXT, re.S) for line in block.splitlines() if line]


@pytest.mark.parametrize("link", LINKS)
def test_a_link_opens_what_it_says(link: str) -> None:
    place, query = urlsplit(link).path, dict(parse_qsl(urlsplit(link).query))
    if place == "/learn":
        assert query["lesson"] in lessons
        return
    if place == "/model":
        assert read_card(ROOT / "pretrained" / query["model"]).name == query["model"]
        return
    standard = {"/playground": begin.STANDARD, "/train": {}}[place]
    shown = query.pop(begin.layers.QUERY, "d").split(",")
    assert set(shown) <= begin.layers.NAMES
    setup, problems = from_query({**standard, **query})
    assert not problems
    setup.plan()
    assert 0 < setup.length() <= MOST_STEPS


def test_the_course_has_every_lesson() -> None:
    assert len(ORDER) == len(lessons)
    for lesson in in_order():
        assert f"/learn?lesson={lesson.name})" in TEXT


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_runs(command: str) -> None:
    words = [word for word in command.split() if not word.startswith("GANSCOPE_PASSPHRASE=")]
    if words[0] == "make":
        assert f"\n{words[1]}:" in (ROOT / "Makefile").read_text(encoding="utf-8")
        return
    assert words[0] == "ganscope"
    short = ["--steps", "2"] if words[1] == "train" else []
    result = CliRunner().invoke(app, [*words[1:], *short])
    assert result.exit_code == 0, result.output
