"""An interval as a strip: 0 in the middle, what is better on the right."""

from __future__ import annotations

from html import escape

from ui.classroom.folklore.results import Outcome

WIDTH, HEIGHT = 320.0, 46.0
MIDDLE, LINE = WIDTH / 2, 15.0


def strip(outcome: Outcome, lower_is_better: bool, worse: str, better: str) -> str:
    """SVG of the interval, the mean and each seed's effect; `worse` and `better` are the words at the ends."""
    sign = -1 if lower_is_better else 1
    farthest = max(map(abs, (outcome.low, outcome.high, *outcome.effects))) or 1.0
    scale = sign * (MIDDLE - 8) / farthest

    def at(effect: float) -> float:
        return MIDDLE + effect * scale

    left, right = sorted((at(outcome.low), at(outcome.high)))
    seeds = "".join(f'<circle class="seed" cx="{at(effect):.1f}" cy="{LINE}" r="3"/>' for effect in outcome.effects)
    return (
        f'<svg class="folklore-strip {outcome.verdict}" viewBox="0 0 {WIDTH:g} {HEIGHT:g}" role="img" '
        f'aria-label="{escape(outcome.numbers())}">'
        f'<line class="axis" x1="0" x2="{WIDTH:g}" y1="{LINE}" y2="{LINE}"/>'
        f'<line class="zero" x1="{MIDDLE}" x2="{MIDDLE}" y1="2" y2="28"/>'
        f'<line class="interval" x1="{left:.1f}" x2="{right:.1f}" y1="{LINE}" y2="{LINE}"/>{seeds}'
        f'<rect class="mean" x="{at(outcome.effect) - 2:.1f}" y="{LINE - 9}" width="4" height="18"/>'
        f'<text x="0" y="42">← {escape(worse)}</text>'
        f'<text x="{MIDDLE}" y="42" text-anchor="middle">0</text>'
        f'<text x="{WIDTH:g}" y="42" text-anchor="end">{escape(better)} →</text></svg>'
    )
