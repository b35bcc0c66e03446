"""Dragging: points are followed exactly, and a handle approaches its target."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from gan_core.errors import BadValue
from gan_core.latent.drag import DragSettings, drag, feature_layer, motion, sampled, tracked
from gan_core.latent.explorer import Explorer
from gan_core.models import loading
from gan_core.objectives.fidelity import psnr
from tests.latent.models import explorer


@pytest.fixture(scope="module")
def styled() -> Explorer:
    return explorer("stylegan2", channels=3, size=32)


def test_features_are_read_between_pixels() -> None:
    features = torch.arange(16.0).reshape(1, 1, 4, 4)
    places = torch.tensor([[0.0, 0.0], [3.0, 1.0], [1.5, 0.0], [1.0, 2.5]])
    assert_close(sampled(features, places)[:, 0], torch.tensor([0.0, 7.0, 1.5, 11.0]))


def test_a_point_is_followed_where_the_picture_goes() -> None:
    random = torch.randn(1, 8, 32, 32, generator=torch.Generator().manual_seed(0))
    start = torch.tensor([[10.0, 12.0], [20.0, 8.0]])
    marks = sampled(random, start)
    shifted = random.roll((2, -1), (2, 3))  # 2 down, 1 to the left
    assert_close(tracked(shifted, start, marks, 3), start + torch.tensor([-1.0, 2.0]))
    # near the border nothing is searched outside of the picture
    corner = torch.tensor([[0.0, 31.0]])
    assert_close(tracked(random, corner, sampled(random, corner), 3), corner)


def test_motion_is_zero_where_features_are_equal_or_the_handle_has_arrived() -> None:
    flat, place = torch.ones(1, 4, 16, 16), torch.tensor([[8.0, 8.0]])
    assert float(motion(flat, place, place + 5, 2)) == 0
    uneven = torch.arange(16.0).expand(1, 1, 16, 16)
    assert float(motion(uneven, place, place, 2)) == 0
    # a step to the right over a slope of 1 per pixel
    assert float(motion(uneven, place, place + torch.tensor([5.0, 0]), 2)) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("name", ["stylegan2", "dcgan"])
def test_dragging_changes_the_picture_and_yields_every_step(name: str) -> None:
    model = explorer(name, size=32)
    points = model.sample(1, 2)
    frames = list(drag(model, points, [(10, 16)], [(16, 16)], settings=DragSettings(steps=4, reach=None)))
    assert frames[-1].done
    assert [frame.step for frame in frames] == list(range(len(frames)))
    assert_close(frames[0].picture, model.draw(points), atol=1e-4, rtol=0)
    assert frames[0].handles == ((10.0, 16.0),)
    assert frames[0].left == pytest.approx(6)
    if len(frames) > 1:
        assert not torch.equal(frames[-1].picture, frames[0].picture)
        assert_close(model.draw(frames[-1].points), frames[-1].picture, atol=1e-4, rtol=0)


def test_only_the_coarse_layers_move_and_a_mask_holds_back(styled: Explorer) -> None:
    points = styled.sample(1, 2)
    before = styled.read(points, "w+")
    *_, last = drag(styled, points, [(8, 16)], [(20, 16)], settings=DragSettings(steps=5, layers=2))
    moved = (styled.read(last.points, "w+") - before).abs().sum(2)[0]
    assert (moved[2:] == 0).all()
    assert (moved[:2] > 0).all()
    shut = torch.zeros(32, 32, dtype=torch.bool)
    *_, held = drag(styled, points, [(8, 16)], [(20, 16)], shut, DragSettings(steps=5))
    *_, free = drag(styled, points, [(8, 16)], [(20, 16)], None, DragSettings(steps=5))
    start = styled.draw(points)
    assert (held.picture - start).abs().mean() < (free.picture - start).abs().mean()


def test_a_handle_on_its_target_has_arrived(styled: Explorer) -> None:
    (only,) = drag(styled, styled.sample(1), [(5, 5)], [(5, 5)])
    assert (only.done, only.left) == (True, 0.0)


def test_the_layer_is_half_as_large_as_the_picture(styled: Explorer) -> None:
    from gan_core.latent.inside import layer_names

    assert layer_names(styled)[feature_layer(styled)][1:] == (16, 16)
    assert feature_layer(explorer("stylegan2", 32, palette=5)) == feature_layer(styled)
    flat = explorer("mlp_gan")
    with pytest.raises(BadValue, match="no feature maps in which points can be tracked"):
        next(drag(flat, flat.sample(1), [(1, 1)], [(2, 2)]))


def test_unsupported_drags_are_refused(styled: Explorer) -> None:
    one, inside = styled.sample(1), (5.0, 5.0)
    for arguments, said in (
        ((one, [(32, 5)], [inside]), "is outside the image of 32 x 32"),
        ((one, [inside], [(5, -1)]), "is outside"), ((one, [(float("nan"), 1)], [inside]), "is outside"),
        ((one, [inside], []), "as many target points, got 1 and 0"), ((one, [], []), "1 to 16 handle points"),
        ((styled.sample(2), [inside], [inside]), "Drag one image"),
        ((one, [inside], [inside], torch.ones(4, 4, dtype=torch.bool)), "mask must have"),
    ):  # fmt: skip
        with pytest.raises(BadValue, match=said):
            next(drag(styled, *arguments))  # type: ignore[arg-type]
    for change, said in (
        ({"steps": 0}, "between 1 and 1000"),
        ({"rate": 0.0}, "rate must be"),
        ({"reach": 0.0}, "reach must be"),
        ({"layers": 99}, "layers of w"),
    ):
        with pytest.raises(BadValue, match=said):
            next(drag(styled, one, [inside], [inside], settings=dataclasses.replace(DragSettings(), **change)))  # type: ignore[arg-type]


def test_outside_of_its_reach_the_picture_is_kept_bit_for_bit(styled: Explorer) -> None:
    points = styled.sample(1, 2)
    first, *_, last = drag(styled, points, [(8, 8)], [(12, 8)], settings=DragSettings(steps=6, rate=0.3))
    places = torch.arange(32.0)
    far = (places[:, None] - 8).abs().maximum((places[None] - 10).abs()) > 2 + 1.25 * 0.16 * 32 + 1
    assert_close(last.picture[0, :, far], first.picture[0, :, far], atol=1e-6, rtol=0)
    assert not torch.equal(last.picture, first.picture)
    *_, free = drag(styled, points, [(8, 8)], [(12, 8)], settings=DragSettings(steps=6, rate=0.3, reach=None))
    assert not torch.allclose(free.picture[0, :, far], first.picture[0, :, far], atol=1e-3)


def test_a_drag_goes_on_from_a_dragged_picture(styled: Explorer) -> None:
    settings = DragSettings(steps=5, rate=0.3)
    *_, first = drag(styled, styled.sample(1, 2), [(8, 8)], [(12, 8)], settings=settings)
    begun, *_, second = drag(
        styled, first.points, [(24, 24)], [(20, 24)], settings=settings, before=first.kept
    )  # fmt: skip
    assert_close(begun.picture, first.picture, atol=1e-5, rtol=0)
    assert not torch.allclose(second.picture[0, :, 20:28, 20:28], first.picture[0, :, 20:28, 20:28], atol=1e-4)
    assert_close(second.picture[0, :, :12, :12], first.picture[0, :, :12, :12], atol=1e-5, rtol=0)


def test_hooks_are_gone_after_a_drag_and_after_one_that_was_left(styled: Explorer) -> None:
    points = styled.sample(1, 2)
    before = styled.draw(points)
    frames = drag(styled, points, [(8, 8)], [(20, 8)], settings=DragSettings(steps=5, rate=0.3))
    next(frames)
    next(frames)
    assert torch.equal(styled.draw(points), before)
    frames.close()
    assert torch.equal(styled.draw(points), before)


@pytest.mark.slow
def test_a_corner_of_the_mouth_moves_and_the_face_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """The Studio's first model: at least 4 of 6 pixels, the rest at 30 dB or more, for 8 of 10 seeds."""
    monkeypatch.setattr("gan_core.models.listing.BUNDLED", Path(__file__).parents[2] / "pretrained")
    faces = Explorer(loading.load("projected_gan.avatars"))
    mean = faces.read(faces.mean(), "w+")
    line = torch.arange(64.0)
    start, end = (37.0, 42.0), (42.0, 39.0)
    rest = (line[None] - start[0]).square() + (line[:, None] - start[1]).square() > 8**2  # a disc of 16 pixels across
    good = 0
    for seed in (1, 2, 5, 12, 0, 3, 4, 6, 7, 8):
        points = faces.sample(1, seed)
        points = faces.write(points, "w+", mean + 0.7 * (faces.read(points, "w+") - mean))
        first, *_, last = drag(faces, points, [start], [end])
        moved = math.dist(last.handles[0], start)
        nearer = first.left - last.left
        kept = float(psnr(last.picture[:, :, rest][..., None], first.picture[:, :, rest][..., None]))
        good += moved >= 4 and nearer >= 4 and kept >= 30
        if good == 8:
            break
    assert good >= 8
