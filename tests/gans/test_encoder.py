"""The encoder: it learns to find pictures in a generator of the shelf, and doesn't work with another generator."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image

from gan_core import data
from gan_core.checkpoint import fingerprint, load_state, read_checkpoint, write_checkpoint
from gan_core.data.batches import HELD_OUT
from gan_core.errors import BadCheckpoint, BadValue, UnknownName
from gan_core.gans import recipes
from gan_core.gans.encoder import ImageEncoder
from gan_core.knobs import changed, to_dict
from gan_core.latent.encoding import encode_of
from gan_core.latent.explorer import Explorer
from gan_core.latent.familiarity import Familiarity
from gan_core.latent.inversion import Settings, invert
from gan_core.models import loading
from gan_core.models.card import SAMPLE, WEIGHTS, read_card
from gan_core.models.plans import Plan
from gan_core.models.sampler import Sampler
from gan_core.objectives.fidelity import psnr
from gan_core.shelf import pretrain
from gan_core.training.trainer import Trainer
from tests.latent.models import explorer
from tests.made_models import make_model

RECIPE = recipes.get("encoder")
GENERATOR = "stylegan2.tiny"


def trainer(**changes: object) -> Trainer:
    return Trainer(RECIPE, changed(RECIPE.tiny, changes), data.load("digits", 8))


def encoder_of(trainer: Trainer) -> ImageEncoder:
    encoder = trainer.networks["encoder"]
    assert isinstance(encoder, ImageEncoder)
    return encoder


@pytest.fixture
def generator() -> Sampler:
    make_model(GENERATOR)
    return loading.load(GENERATOR)


def test_it_learns_to_find_what_the_generator_draws_and_what_the_data_show(generator: Sampler) -> None:
    learning = trainer(channels=16, max_channels=32, batch_size=16, rate=3e-3, ema=0.9)
    encoder = encoder_of(learning)
    points = encoder.sample(64, 0.5, torch.Generator().manual_seed(5))
    drawn, real = encoder.generate(points).clamp(-1, 1), learning.batches.first(64)["real"]
    marks = []
    for steps in (1, 150):
        for _ in range(steps):
            learning.train_step()
        with torch.no_grad():
            found = learning.ema.refresh()["encoder"]
            marks.append([float(psnr(found.reconstruct(images), images).mean()) for images in (drawn, real)])
            marks[-1].append(float(encoder.distance(found(drawn), points)))
    (drawn_before, real_before, apart_before), (drawn_after, real_after, apart_after) = marks
    assert drawn_after > drawn_before + 3
    assert real_after > real_before + 0.5
    assert apart_after < 0.7 * apart_before


def test_random_points_are_those_of_the_generator_half_of_them_mixed(generator: Sampler) -> None:
    encoder = encoder_of(trainer())
    points = encoder.sample(2_000, 0.5, torch.Generator().manual_seed(1))
    assert points.mean().abs() < 0.05
    assert float(points.var()) == pytest.approx(1, abs=0.1)
    mixed = (points[:, 0] != points[:, -1]).any(1).float().mean()
    assert float(mixed) == pytest.approx(0.5 * 3 / 4, abs=0.05)  # a mix may begin after the last of 4 layers
    explorer = Explorer(generator)
    own = explorer.sample(3, 7)
    white = (explorer.read(own, "w+") - encoder.mean) @ encoder.whitening
    torch.testing.assert_close(encoder.generate(white), explorer.images(own), atol=1e-3, rtol=1e-3)


def test_what_does_not_fit_is_refused_with_what_does(generator: Sampler) -> None:
    make_model("dcgan.tiny")
    with pytest.raises(UnknownName, match=r"stylegan2\.tinny.*stylegan2\.tiny"):
        trainer(generator="stylegan2.tinny")
    with pytest.raises(BadValue, match=r"can't use dcgan\.tiny with .* Valid for generator: stylegan2\.tiny"):
        trainer(generator="dcgan.tiny")
    with pytest.raises(BadValue, match=r"requires these settings: layers=4, w_size=4"):
        trainer(layers=10)
    with pytest.raises(BadValue, match=r"can't use stylegan2\.tiny with images of shape 1 x 16 x 16"):
        Trainer(RECIPE, RECIPE.tiny, data.load("digits", 16))


def test_the_weights_work_with_their_own_generator_alone(generator: Sampler, tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    write_checkpoint(path, trainer().state_dict())
    described = make_model("encoder.x")
    assert described.generator == fingerprint(generator.networks["generator"])
    assert loading.load("encoder.x").translate(torch.zeros(2, 1, 8, 8)).shape == (2, 1, 8, 8)
    assert encode_of(Explorer(loading.load(GENERATOR))) is not None
    make_model(GENERATOR, seed=1)
    with pytest.raises(BadCheckpoint, match=f"trained with generator {described.generator[:16]}, but {GENERATOR}"):
        loading.load("encoder.x")
    assert encode_of(Explorer(loading.load(GENERATOR))) is None
    other = trainer()
    before = encoder_of(other).owner.clone()
    with pytest.raises(BadCheckpoint, match="trained with generator"):
        load_state(other, read_checkpoint(path))
    assert torch.equal(encoder_of(other).owner, before)


def test_it_is_published_with_the_name_of_its_generator_and_what_that_draws_anew(
    generator: Sampler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny = {**to_dict(RECIPE.tiny), "batch_size": 4}
    monkeypatch.setitem(
        pretrain.plans,
        "encoder.tiny",
        Plan(recipe="encoder", data="digits", size=8, steps=2, title="Tiny", limits="All.", hparams=tiny),
    )
    folder = tmp_path / "encoder.tiny"
    assert pretrain.main(["encoder.tiny", "--folder", str(folder)]) == 0
    described = read_card(folder)
    assert described.generator == fingerprint(generator.networks["generator"])
    assert (described.task, described.compared) == ("inversion", ("given", "output"))
    with Image.open(folder / SAMPLE) as picture:
        assert picture.size == (8 * 9 - 1, HELD_OUT // 4 * 9 - 1)  # four pairs in a line
    assert set(read_checkpoint(folder / WEIGHTS)["average"]) == {"encoder"}  # the generator stays unchanged


def test_what_a_model_knows_is_near_and_other_pictures_are_far() -> None:
    model = explorer("stylegan2")
    known = Familiarity(model)
    near = [known.distance(picture[None]) for picture in model.draw(model.sample(40, 99))]
    assert sorted(near)[20] == pytest.approx(1, abs=0.3)
    random = torch.Generator().manual_seed(3)
    noise = torch.rand(1, *model.image_shape, generator=random) * 2 - 1
    assert known.far(known.distance(noise))
    assert not known.far(sorted(near)[20])


def test_an_inversion_starts_from_what_it_finds(generator: Sampler) -> None:
    make_model("encoder.x")
    explorer = Explorer(generator)
    encode = encode_of(explorer)
    assert encode is not None
    target = explorer.draw(explorer.sample(1, 3))
    first = next(invert(explorer, target, Settings(start="encoder"), encode=encode))
    rebuilt = loading.load("encoder.x").translate(target)
    torch.testing.assert_close(first.picture, rebuilt, atol=1e-3, rtol=1e-3)
    assert encode_of(Explorer(loading.load(make_model("stylegan.x").name))) is None
