"""Views: the renderer of solids, the camera of the network, agreement of views, meshes and films."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gan_core import data
from gan_core.data import solids
from gan_core.data.base import DataSet, DataSpec, silent
from gan_core.data.sets import rendered_heads as heads
from gan_core.data.sets.solids import scene_and_pose
from gan_core.data.solids.camera import FAR
from gan_core.data.solids.rendering import Solid, render, trace
from gan_core.errors import BadData, BadValue
from gan_core.gans import recipes
from gan_core.gans.triplane import LENS
from gan_core.layers.volume import cameras, composite
from gan_core.models.sampler import Sampler
from gan_core.training.trainer import Trainer
from gan_core.views import Scene, View, mesh
from gan_core.views.agreement import agreement, project
from gan_core.views.turning import turn
from tests.conftest import example

BALL = Solid("sphere", (0.0, 0.0, 0.0), (0.5, 0.5, 0.5), (0.8, 0.2, 0.2))


def true_view(scene: list[Solid], yaw: float, pitch: float, size: int = 32) -> View:
    picture, depth = render(scene, yaw, pitch, size)
    seen = np.isfinite(depth)
    return View(picture.transpose(1, 2, 0), np.where(seen, depth, FAR).astype(np.float32), seen, yaw, pitch)


@pytest.fixture
def sampler() -> Sampler:
    recipe = recipes.get("triplane")
    spec = example(recipe).spec
    networks = {name: network.eval() for name, network in recipe.build(recipe.tiny, spec).items()}
    return Sampler(recipe, recipe.tiny, spec, networks)


def test_solids_lie_where_geometry_says() -> None:
    for kind, half, near in (("sphere", 0.5, 0.5), ("box", 0.4, 0.4)):
        _picture, depth = render([Solid(kind, (0, 0, 0), (half,) * 3, (1, 0, 0))], 0, 0, 33)  # type: ignore[arg-type]
        assert depth[16, 16] == pytest.approx(solids.DISTANCE - near, abs=0.01)
        assert np.isinf(depth[0, 0])
    # a cone of radius 0.5 at its foot, seen from the side: half as wide at half its height
    _picture, depth = render([Solid("cone", (0, 0, 0), (0.5, 0.5, 0.5), (1, 0, 0))], 90, 0, 65)
    widths = np.isfinite(depth).sum(1)
    assert depth[32, 32] == pytest.approx(solids.DISTANCE - 0.25, abs=0.01)
    assert widths[32] == pytest.approx(widths.max() / 2, abs=2)


def test_what_is_lit_is_brighter() -> None:
    picture, _depth = render([BALL], 0, 0, 33)
    assert picture[0, 11, 16] > picture[0, 22, 16] + 20  # light comes from above
    assert (picture[:, 0, 0] == solids.BACKGROUND).all()


def test_the_networks_camera_is_the_renderers() -> None:
    poses = torch.tensor([[30.0, 10.0], [-150.0, 45.0]])
    places, rays = cameras(poses, 6, LENS)
    for number, (yaw, pitch) in enumerate(poses.tolist()):
        place, directions = solids.camera(yaw, pitch, 6)
        np.testing.assert_allclose(places[number].numpy(), place, atol=1e-5)
        np.testing.assert_allclose(rays[number].numpy(), directions.reshape(-1, 3), atol=1e-5)
        at, distance = project(place + 2 * directions.reshape(-1, 3), yaw, pitch, 6)
        np.testing.assert_allclose(at, np.stack(np.meshgrid(range(6), range(6), indexing="ij"), -1).reshape(-1, 2),
                                   atol=1e-6)  # fmt: skip
        np.testing.assert_allclose(distance, 2, atol=1e-6)


def test_an_opaque_sample_hides_what_is_behind_it() -> None:
    colours = torch.tensor([[[[1.0], [-1.0], [0.5]]]])  # (1, 1, 3, 1)
    along = torch.tensor([[[2.0, 2.5, 3.0]]])
    for density, colour, depth in (
        ([0.0, 1e4, 1e4], -1.0, 2.5),
        ([1e4, 0.0, 0.0], 1.0, 2.0),
        ([0.0, 0.0, 0.0], solids.BACKGROUND / 127.5 - 1, FAR),
    ):
        seen = composite(colours, torch.tensor([[density]]), along, 1, LENS)
        torch.testing.assert_close(seen.images.item(), colour)
        torch.testing.assert_close(seen.depth.item(), depth)
    half = float(np.log(2)) / ((FAR - solids.DISTANCE + 1) / 3)  # a = 1/2 in each part
    seen = composite(colours, torch.full((1, 1, 3), half), along, 1, LENS)
    behind = solids.BACKGROUND / 127.5 - 1
    torch.testing.assert_close(seen.images.item(), 0.5 - 0.25 + 0.125 * 0.5 + 0.125 * behind, atol=1e-4, rtol=0)


def test_true_views_agree_and_those_of_other_scenes_do_not() -> None:
    scene, _pose = scene_and_pose(3)
    other, _pose = scene_and_pose(5)
    one, beside = true_view(scene, 20, 15), true_view(scene, 40, 15)
    same = agreement(one, beside)
    assert same.psnr > 22
    assert same.share > 0.5
    assert agreement(one, one).psnr > 60
    wrong = agreement(one, true_view(other, 40, 15))
    assert not wrong.psnr > same.psnr - 5
    flat = View(one.picture, np.full_like(one.depth, solids.DISTANCE), one.seen, one.yaw, one.pitch)
    assert agreement(flat, beside).share < same.share / 2  # what is elsewhere counts as hidden


def test_the_set_says_where_every_view_was_taken() -> None:
    source = data.source("solids")
    assert source.spec(32).fields == {"real": (3, 32, 32), "pose": (2,)}
    assert data.task_of("solids") == "views"
    assert data.size_of("solids") == 0
    from gan_core.data.sets import solids as made

    small = made._load("solids", 6, 0, 16, silent)
    assert small.spec == source.spec(16)
    scene, pose = scene_and_pose(4)
    np.testing.assert_array_equal(small.arrays["real"][4], render(scene, *pose, 16)[0])
    np.testing.assert_allclose(small.arrays["pose"][4], pose, rtol=1e-6)


def test_an_ellipsoid_is_a_stretched_ball() -> None:
    half = (0.2, 0.4, 0.3)
    for yaw, near, wide in ((0, 0.3, 0.2), (90, 0.2, 0.3)):
        _picture, depth = render([Solid("ellipsoid", (0, 0, 0), half, (1, 0, 0))], yaw, 0, 65)
        assert depth[32, 32] == pytest.approx(solids.DISTANCE - near, abs=0.01)
        across, down = (np.isfinite(depth).sum(axis).max() for axis in (1, 0))
        assert down / across == pytest.approx(0.4 / wide, rel=0.1)
    ball, same = (Solid(kind, (0.1, 0.1, 0), (0.3,) * 3, (1, 0, 0)) for kind in ("sphere", "ellipsoid"))  # type: ignore[arg-type]
    one, other = render([ball], 20, 10, 16), render([same], 20, 10, 16)
    np.testing.assert_allclose(one[0].astype(int), other[0], atol=1)
    np.testing.assert_allclose(one[1], other[1], rtol=1e-6)


def test_heads_fit_into_the_ball_that_scenes_lie_in_and_face_the_axis_z() -> None:
    small = heads._load("rendered_heads", 4, 0, 16, silent)
    assert small.spec == data.source("rendered_heads").spec(16)
    scene, pose = heads.scene_and_pose(2)
    np.testing.assert_array_equal(small.arrays["real"][2], render(scene, *pose, 16)[0])
    for number in range(12):
        head, _pose = heads.scene_and_pose(number)
        for yaw in (0, 100, 180):
            place, rays = solids.camera(yaw, 20, 24)
            depth, _colours = trace(head, place, rays.reshape(-1, 3))
            at = place + np.where(np.isfinite(depth), depth, 0)[:, None] * rays.reshape(-1, 3)
            assert np.linalg.norm(at[np.isfinite(depth)], axis=1).max() < 1
        white = [solid for solid in head if solid.colour == heads.WHITE]
        assert len(white) == 2
        assert all(eye.middle[2] > 0.2 for eye in white)


def test_poses_are_asked_for_in_degrees(sampler: Sampler) -> None:
    _latents, poses = sampler.latents(3, 0, "30, -5")
    assert poses is not None
    assert poses.tolist() == [[30.0, -5.0]] * 3
    assert sampler.sample(2, 0, "30,10").shape == (2, 1, 8, 8)
    turned = sampler.latents(16, 0)[1]
    assert turned is not None
    assert len(turned[:, 0].unique()) == 8
    with pytest.raises(BadValue, match="yaw must be between -180 and 180 degrees, got 200"):
        sampler.latents(1, 0, "200,0")
    with pytest.raises(BadValue, match="pitch must be between -10 and 50 degrees, got 80"):
        sampler.latents(1, 0, "0,80")
    for nonsense in ("left", "1,2,3", "nan"):
        with pytest.raises(BadValue, match="is not a pose"):
            sampler.latents(1, 0, nonsense)
    with pytest.raises(BadValue, match="must be between"):
        sampler.latents(1, 0, "nan,0")


def test_a_scene_is_seen_from_any_side(sampler: Sampler) -> None:
    scene = Scene(sampler, seed=4)
    view = scene.view(30, 10)
    assert view.picture.shape == (8, 8, 1)
    drawn = sampler.draw(sampler.latents(1, 4)[0], torch.tensor([[30.0, 10.0]]))
    np.testing.assert_array_equal(view.picture, np.rint((drawn[0].permute(1, 2, 0).numpy() + 1) * 127.5))
    assert scene.view(30, 10, size=20).depth_image.size == (20, 20)
    with pytest.raises(BadValue, match="pitch must be between"):
        scene.view(0, 51)
    with pytest.raises(BadValue, match="size must be between 8 and 128"):
        scene.view(0, 0, size=1000)
    flat = recipes.get("mlp_gan")
    networks = flat.build(flat.tiny, DataSpec({"real": (1, 8, 8)}))
    with pytest.raises(BadValue, match="doesn't make scenes"):
        Scene(Sampler(flat, flat.tiny, DataSpec({"real": (1, 8, 8)}), networks))


def test_a_mesh_is_closed_and_winds_outwards(sampler: Sampler) -> None:
    pytest.importorskip("skimage")
    line = np.linspace(-1, 1, 32)
    x, y, z = np.meshgrid(line, line, line, indexing="ij")
    points, faces = mesh.surface(0.6 - np.sqrt(x**2 + y**2 + z**2), 1e-6)
    ball = mesh.Mesh(points, np.zeros_like(points), faces)
    assert ball.volume == pytest.approx(4 / 3 * np.pi * 0.6**3, rel=0.02)  # negative if faces wound inwards
    whole = np.full((16, 16, 16), 1.0)  # touches every side of the cube
    points, faces = mesh.surface(whole, 0.5)
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), 1)
    assert (np.unique(edges, axis=0, return_counts=True)[1] == 2).all()  # every edge has two sides: no hole
    with pytest.raises(BadData, match="no surface"):
        mesh.surface(np.zeros((16, 16, 16)), 0.5)
    scene = Scene(sampler)
    densities = scene.densities(16)
    shape = mesh.mesh(scene, 16, float(np.median(densities)))
    lines = mesh.obj(shape).splitlines()
    assert sum(line.startswith("v ") for line in lines) == len(shape.points)
    corners = [int(corner) for line in lines if line.startswith("f ") for corner in line.split()[1:]]
    assert (min(corners), max(corners)) == (1, len(shape.points))
    with pytest.raises(BadValue, match="cells must be between 16 and 128"):
        mesh.mesh(scene, 500)


def test_without_scikit_image_a_mesh_says_what_to_install(sampler: Sampler, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gan_core.views.mesh.importlib.util.find_spec", lambda name: None)
    with pytest.raises(BadValue, match=r"ganscope\[space\]"):
        mesh.mesh(Scene(sampler))


def test_a_turn_is_a_film(sampler: Sampler, tmp_path: Path) -> None:
    turn(Scene(sampler), tmp_path / "turn.webp", frames=4, side=32)
    with Image.open(tmp_path / "turn.webp") as film:
        assert getattr(film, "n_frames", 1) == 4
    with pytest.raises(BadValue, match=r"\.avi"):
        turn(Scene(sampler), tmp_path / "turn.avi")
    with pytest.raises(BadValue, match="pitch"):
        turn(Scene(sampler), tmp_path / "other.webp", pitch=90)
    assert not (tmp_path / "other.webp").exists()


@pytest.mark.slow
def test_scenes_take_the_place_and_the_colours_of_the_solids() -> None:
    recipe, count = recipes.get("triplane"), 300
    known = [scene_and_pose(number) for number in range(count)]
    views = np.stack([render(scene, *pose, 16)[0] for scene, pose in known])
    poses = np.array([pose for _scene, pose in known], np.float32)
    changes = {"plane_channels": 8, "plane_size": "16", "max_channels": 48, "ray_samples": 12}
    trainer = Trainer(recipe, recipe.settings(changes), DataSet("few", {"real": views, "pose": poses}))
    sampler = Sampler(recipe, trainer.hparams, trainer.spec, trainer.ema.networks)

    def off() -> float:
        """How far the mean picture from the poses of the set is from the set's, in [-1, 1]."""
        trainer.ema.refresh()
        drawn = sampler.draw(sampler.latents(100, 0)[0], torch.from_numpy(poses[:100]))
        return float(np.sqrt(((drawn.numpy().mean(0) - (views[:100] / 127.5 - 1).mean(0)) ** 2).mean()))

    before = off()
    for _ in range(150):
        trainer.train_step()
    assert before > 0.2
    assert off() < before / 2  # 0.57 before, 0.12 after
    scene = Scene(sampler, 1)
    found = agreement(scene.view(0, 20, 32), scene.view(20, 20, 32))
    assert found.share > 0.5  # it has a surface, which both views show
    assert found.psnr > 24
