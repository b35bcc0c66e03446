"""`ganscope recipes`."""

from __future__ import annotations

import json

from tests.cli.commands import ok, refused


def test_recipes_are_listed_with_their_knobs() -> None:
    assert "1511.06434" in ok("recipes")
    listed = json.loads(ok("recipes", "list", "--json"))
    assert {"mlp_gan", "dcgan", "cgan"} <= {recipe["name"] for recipe in listed}
    shown = json.loads(ok("recipes", "show", "dcgan", "--json"))
    rate = shown["knobs"]["generator_rate"]
    assert (rate["low"], rate["high"], rate["change"], rate["type"]) == (1e-6, 0.1, "live", "float")
    text = ok("recipes", "show", "mlp_gan")
    assert "1e-06 to 0.1" in text
    assert "Preset digits_30s" in text
    assert "non_saturating | minimax" in text
    assert "Valid: dcgan" in refused(2, "recipes", "show", "dcgann")
