"""Films and episodes: how they are shown, stored and played, and what is refused."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_core import data
from gan_core.data import environments, games
from gan_core.data.base import DataSpec
from gan_core.data.environments import ACROBOT, CARTPOLE, OVER, environment_of
from gan_core.data.sets import moving_digits
from gan_core.errors import BadData, BadValue, UnknownName
from gan_core.media import control, video
from gan_core.media.base import features

FILMS = DataSpec({"frames": (1, 5, 8, 8)}, rate=10)
POLE = DataSpec({"observation": (30, 4), "action": (30,)}, rate=50)


def square(places: list[tuple[int, int]]) -> np.ndarray:
    """A film (1, T, 8, 8) of a bright dot at these places."""
    film = np.full((1, len(places), 8, 8), -1, np.float32)
    for frame, (x, y) in enumerate(places):
        film[0, frame, y, x] = 1
    return film


LINE = square([(1, 1), (2, 1), (3, 1), (4, 1), (5, 1)])
STILL = square([(1, 1)] * 5)


def test_a_strip_shows_frames_from_the_first_to_the_last() -> None:
    strip = video.pictures(LINE[None], FILMS)
    assert strip.shape == (1, 8, 5 * 8 + 4 * video.GAP, 3)
    assert strip[0, 1, 1].tolist() == [255, 255, 255]
    assert strip[0, 1, 4 * (8 + video.GAP) + 5].tolist() == [255, 255, 255]
    assert strip[0, 1, 4 * (8 + video.GAP) + 1].tolist() == [0, 0, 0]


def test_films_that_move_otherwise_differ() -> None:
    seen = features(video.VIDEO, np.stack([LINE, LINE[:, ::-1], STILL]), FILMS)
    assert np.linalg.norm(seen[0] - seen[1]) > 100
    assert np.linalg.norm(seen[0] - seen[2]) > 100


@pytest.mark.parametrize("suffix", [".gif", ".mp4"])
def test_films_are_written_side_by_side_with_their_duration(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"two{suffix}"
    video.write(np.stack([LINE, STILL]), FILMS, path)
    assert path.stat().st_size > 100
    if suffix == ".gif":
        with Image.open(path) as film:
            lasting = []
            for frame in range(film.n_frames):  # type: ignore[attr-defined]
                film.seek(frame)
                lasting.append(film.info["duration"])
        assert sum(lasting) == 500  # 5 frames at 10 a second; equal ones may be merged


def test_a_piece_is_an_animated_webp() -> None:
    piece = video.pieces(LINE[None], FILMS)[0]
    assert piece.kind == "film"
    assert isinstance(piece.content, bytes)
    with Image.open(io.BytesIO(piece.content)) as film:
        assert (film.format, film.n_frames) == ("WEBP", 5)  # type: ignore[attr-defined]
        assert min(film.size) >= video.LEAST


def test_digits_move_as_their_paths_say() -> None:
    random = np.random.default_rng(0)
    places, motion = moving_digits.paths(random, 200)
    assert places.min() >= 0
    assert places.max() <= moving_digits.SIZE - moving_digits.DIGIT
    steps = np.linalg.norm(np.diff(places, axis=1), axis=2)
    low, high = moving_digits.SPEED
    assert steps[motion == 0].max() <= high + 1e-9  # a bounce is shorter, because the path is folded
    assert np.median(steps[motion == 0]) > low
    assert np.ptp(steps[motion == 1], axis=1).max() < 1e-9  # steady on a circle
    blob = np.full((1, moving_digits.DIGIT, moving_digits.DIGIT), 200.0, np.float32)
    film = moving_digits.films(blob, np.array([[[0.0, 0.0], [3.5, 16.0]]]))[0, 0]
    assert (film[0, :16, :16] == 200).all()
    assert film[0, 16:].max() == 0
    assert film[1, 20, 3] == 100  # half a pixel
    assert film[1, 20, 4] == 200


def test_moving_digits_are_seeded_and_their_test_part_is_of_other_forms() -> None:
    source = data.source("moving_digits")
    one = data.load("test:moving_digits")
    assert one.spec.task == "video"
    assert one.spec == source.spec(source.size)
    assert len(one) == moving_digits.TEST_FILMS
    assert np.array_equal(one.arrays["frames"], data.load("test:moving_digits").arrays["frames"])
    labels = data.load("digits").arrays["label"]
    written = "".join(map(str, labels))
    form = "0123456789"  # how each form begins
    assert [place for place in (1415, 1545, 1667) if written.startswith(form, place)] == [1415, 1545, 1667]
    assert 1415 < moving_digits.TRAIN <= 1545  # the form that the last digits for training are of ends there
    which = np.random.default_rng(True).permutation(moving_digits.TEST_FILMS) % len(labels[1545:])
    assert np.array_equal(one.arrays["label"], labels[1545:][which])
    assert data.size_of("moving_digits") == 32


def test_the_ball_bounces_and_its_picture_tells_where_it_is() -> None:
    random = np.random.default_rng(0)
    game = games.begin(random, 50)
    hits = 0
    for _ in range(120):
        later = game.step(games.follow(game))
        hits += int(game.hits(later).sum())
        speed = np.linalg.norm(later.velocity, axis=1)
        np.testing.assert_allclose(speed, np.linalg.norm(game.velocity, axis=1))
        game = later
    assert game.ball.min() >= 0
    assert game.ball.max() <= games.SIZE - games.BALL
    assert hits > 100  # a player who follows the ball meets it
    ball, paddle = games.seen(game.pictures())
    np.testing.assert_allclose(ball, game.ball + games.BALL / 2, atol=0.4)
    free = game.ball[:, 1] + games.BALL < games.LINE  # a ball in front of the paddle hides a part of it
    np.testing.assert_allclose(paddle[free], (game.paddle + games.WIDE / 2)[free], atol=0.1)


def test_the_paddle_alone_obeys_the_key() -> None:
    game = games.begin(np.random.default_rng(1), 3)
    left, still, right = (game.step(np.full(3, action)) for action in range(3))
    inside = (game.paddle > games.SPEED) & (game.paddle < games.SIZE - games.WIDE - games.SPEED)
    np.testing.assert_allclose((right.paddle - left.paddle)[inside], 2 * games.SPEED)
    np.testing.assert_array_equal(still.paddle, game.paddle)
    np.testing.assert_array_equal(left.ball, right.ball)


# --- control ---------------------------------------------------------------------------------------------------------


def test_controllers_reach_the_goal_and_idleness_does_not() -> None:
    starts = np.random.default_rng(0).random((3, 4))
    for environment in (CARTPOLE, ACROBOT):
        seen, actions, lengths = environments.play(environment, environment.expert, starts, 200)
        assert environment.reached(lengths, 200).all()
        assert seen.shape == (3, 200, len(environment.observed))
        for one in range(3):
            assert (actions[one, lengths[one] :] == OVER).all()
            assert (actions[one, : lengths[one]] != OVER).all()
        _, _, lengths = environments.play(environment, lambda seen, one=environment: np.full(3, one.idle), starts, 200)
        assert not environment.reached(lengths, 200).any()


def test_episodes_start_from_given_states_and_equal_gymnasiums() -> None:
    import gymnasium

    library = gymnasium.make("Acrobot-v1").unwrapped
    library.reset(seed=3)
    start = (np.asarray(library.state) / ACROBOT.spread + 1) / 2  # type: ignore[attr-defined]
    episodes = environments.Episodes(ACROBOT, start[None])
    for action in (0, 2, 2, 1, 0):
        theirs = library.step(action)[0]
        np.testing.assert_allclose(episodes.step(np.array([action]))[0], theirs, atol=1e-5)


def test_a_policy_cannot_continue_an_ended_episode() -> None:
    episodes = environments.Episodes(CARTPOLE, np.full((1, 4), 0.5))
    while not episodes.over.all():
        episodes.step(np.zeros(1, int))
    before = episodes.seen.copy()
    assert np.array_equal(episodes.step(np.zeros(1, int)), before)
    assert 5 < episodes.lengths[0] < 15


def test_episodes_are_films_and_tables(tmp_path: Path) -> None:
    seen, _, lengths = environments.play(
        CARTPOLE, lambda seen: np.zeros(len(seen), int), np.random.default_rng(0).random((2, 4)), 30
    )
    assert [control.length_of(episode) for episode in seen] == lengths.tolist()
    assert control.pictures(seen, POLE).shape == (2, control.SIDE, 6 * (control.SIDE + control.GAP) - control.GAP, 3)
    piece = control.pieces(seen, POLE)[0]
    assert piece.caption == f"+{lengths[0]}"
    control.write(seen, POLE, tmp_path / "two.gif")
    assert (tmp_path / "two.gif").stat().st_size > 100
    with Image.open(tmp_path / "two.gif") as film:  # a frame for every step, also of the shorter one
        assert film.n_frames == max(lengths) + 1
    control.write(seen, POLE, tmp_path / "two.csv")
    rows = list(csv.reader((tmp_path / "two.csv").read_text(encoding="utf-8").splitlines()))
    assert rows[0] == ["episode", "step", "position", "speed", "angle", "turning"]
    assert len(rows) == 1 + lengths.sum() + 2
    assert control.describe(seen, POLE).shape == (2, 9)


def test_links_are_drawn_at_their_positions() -> None:
    hanging = control.drawn(np.array([1, 0, 1, 0, 0, 0]), ACROBOT).astype(int)
    raised = control.drawn(np.array([-1, 0, 1, 0, 0, 0]), ACROBOT).astype(int)
    below = (np.abs(hanging - 255).sum(2) > 150)[control.SIDE // 2 + 4 :].sum()
    assert below > 40
    assert (np.abs(raised - 255).sum(2) > 150)[control.SIDE // 2 + 4 :].sum() == 0


def test_an_unknown_environment_lists_those_that_are_known() -> None:
    with pytest.raises(UnknownName, match=r"LunarLander-v3.*Acrobot-v1"):
        environments.environments.get("LunarLander-v3")
    with pytest.raises(BadData, match=r"observations of 8 numbers\. Valid: CartPole-v1 \(4\), Acrobot-v1 \(6\)"):
        environment_of(DataSpec({"observation": (9, 8), "action": (9,)}))
    with pytest.raises(UnknownName, match="lunar_expert"):
        data.load("lunar_expert")


def test_without_the_extra_the_command_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "gymnasium", None)
    with pytest.raises(BadValue, match=r"pip install 'ganscope\[control\]'"):
        data.load("acrobot_expert")
