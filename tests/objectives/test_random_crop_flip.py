"""Random crops and flips: where they come from, and which images share one."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from torch import Tensor
from torch.nn.functional import interpolate
from torch.testing import assert_close

from gan_core.gans import recipes
from gan_core.knobs import changed
from gan_core.objectives.base import Batch
from gan_core.objectives.random_crop_flip import crop_and_flip, random_crop_flip
from gan_core.training.trainer import Trainer
from tests.conftest import example


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def noise(count: int, size: int = 8) -> Tensor:
    return 2 * torch.rand(count, 3, size, size, generator=generator(1)) - 1


def test_without_it_no_random_numbers_are_drawn() -> None:
    batch: Batch = {"real": noise(4)}
    random = generator()
    before = random.get_state()
    assert random_crop_flip(batch, 0.0, False, random) is batch
    assert torch.equal(random.get_state(), before)


def test_about_half_are_mirrored_and_exactly() -> None:
    images = noise(64)
    moved = random_crop_flip({"real": images}, 0.0, True, generator())["real"]
    mirrored = [torch.equal(now, then.flip(2)) for now, then in zip(moved, images, strict=True)]
    same = [torch.equal(now, then) for now, then in zip(moved, images, strict=True)]
    assert 20 < sum(mirrored) < 44
    assert sum(mirrored) + sum(same) == 64


def test_a_piece_is_one_of_the_enlarged_image() -> None:
    """8 pixels enlarged to 12: the piece that begins at row 1 and column 3 of the five places each way."""
    images = noise(2)
    drawn = torch.tensor([[0.25, 0.25], [0.75, 0.75], [0.9, 0.9]])
    moved = crop_and_flip(images, 0.5, True, drawn)
    enlarged = interpolate(images, (12, 12), mode="bicubic").clamp(-1, 1)
    assert_close(moved, enlarged[:, :, 1:9, 3:11], atol=1e-5, rtol=0)


def test_pieces_differ_and_stay_inside() -> None:
    """On an image whose red is its column and whose green is its row, a crop shows where it was."""
    places = (2 * torch.arange(32) + 1) / 32 - 1
    ramp = torch.stack([places.expand(32, 32), places[:, None].expand(32, 32), torch.zeros(32, 32)])
    moved = random_crop_flip({"real": ramp.expand(50, 3, 32, 32)}, 0.25, False, generator())["real"]
    middles = moved[:, :2, 15:17, 15:17].mean((2, 3))  # (50, 2): the centre of each crop
    assert middles.abs().max() <= 0.205  # a piece is 4/5 of the side; bicubic bends a ramp a little
    assert middles.amin() < -0.15
    assert middles.amax() > 0.15
    assert (middles[:, 0] - middles[:, 1]).abs().max() > 0.2
    assert_close(moved[:, 0, 0, 16] - moved[:, 0, 0, 15], torch.full((50,), 0.8 * 2 / 32), atol=0.006, rtol=0)


def test_partners_move_together_and_domains_do_not() -> None:
    images = noise(16)
    pairs = random_crop_flip({"source": images, "target": -images}, 0.3, True, generator())
    assert not torch.equal(pairs["source"], images)
    assert_close(pairs["target"], -pairs["source"], atol=1e-6, rtol=0)
    domains = random_crop_flip({"a": images, "b": images[:5]}, 0.3, True, generator())
    assert domains["b"].shape == (5, 3, 8, 8)
    assert not torch.allclose(domains["a"][:5], domains["b"], atol=0.01)


def test_other_data_are_left_unchanged() -> None:
    labels = torch.arange(4)
    assert torch.equal(random_crop_flip({"real": noise(4), "label": labels}, 0.3, True, generator())["label"], labels)


@pytest.mark.parametrize("name", ["pix2pix", "cyclegan", "cut", "srgan", "context_encoder"])
def test_training_with_it_resumes_bit_for_bit(name: str) -> None:
    recipe = recipes.get(name)
    knobs = {"mirror": True} | ({"jitter": 0.2} if hasattr(recipe.tiny, "jitter") else {})
    hparams = changed(recipe.tiny, knobs)
    data = example(recipe)
    one, other = Trainer(recipe, hparams, data), Trainer(recipe, hparams, data)
    plain = Trainer(recipe, recipe.tiny, data)
    for _ in range(2):
        one.train_step()
    other.load_state_dict(deepcopy(one.state_dict()))
    terms = [trainer.train_step().terms for trainer in (one, other)]
    assert terms[0].keys() == terms[1].keys()
    assert all(torch.equal(terms[0][term], terms[1][term]) for term in terms[0])
    # the same images as without it, moved
    field = next(iter(data.spec.fields))
    plainly, moved = plain.next_batch(None)[field], Trainer(recipe, hparams, data).next_batch(None)[field]
    assert plainly.shape == moved.shape
    assert not torch.equal(plainly, moved)
