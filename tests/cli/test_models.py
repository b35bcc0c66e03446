"""`ganscope models` and `ganscope pretrain`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from tests.cli.commands import ok, refused


def test_a_model_is_made_listed_shown_and_drawn_from(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from gan_core import pretrain
    from gan_core.models import listing
    from gan_core.plans import Plan

    changes = {"generator_widths": (8,), "discriminator_widths": (8,), "batch_size": 4, "latent_size": 4}
    plan = Plan("mlp_gan", "digits", 8, 5, 0.1, 0.0, "Tiny digits", "All.", changes)
    monkeypatch.setitem(pretrain.plans, "mlp_gan.tiny", plan)
    monkeypatch.setattr(listing, "BUNDLED", tmp_path / "pretrained")
    ok("pretrain", "mlp_gan.tiny", "--cost", "a blink")
    assert "Tiny digits" in ok("models")
    assert json.loads(ok("models", "list", "--json"))[0]["name"] == "mlp_gan.tiny"
    assert "a blink" in ok("models", "show", "mlp_gan.tiny")
    picture = tmp_path / "grid.png"
    ok("sample", "mlp_gan.tiny", "-n", "4", "-o", picture)
    with Image.open(picture) as image:
        assert image.width >= 512
    assert "mlp_gan.tiny" in refused(2, "models", "show", "mlp_gan.tin")
    assert "Valid" in refused(2, "pretrain", "no.model")
