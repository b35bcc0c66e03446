"""An interval as a strip: 0 in the middle, improvements on the right. HTML, because Streamlit removes SVG."""

from __future__ import annotations

from html import escape

from ui.classroom.folklore.results import Outcome

MIDDLE, HALF = 50.0, 47.0  # of the strip's width, percent: where 0 is, and how far the farthest mark is from it


def strip(outcome: Outcome, lower_is_better: bool, worse: str, better: str) -> str:
    """The interval, the mean and each seed's effect; `worse` and `better` are the words at the ends."""
    farthest = max(map(abs, (outcome.low, outcome.high, *outcome.effects))) or 1.0
    scale = (-HALF if lower_is_better else HALF) / farthest

    def at(effect: float) -> float:
        return MIDDLE + effect * scale

    left, right = sorted((at(outcome.low), at(outcome.high)))
    seeds = "".join(f'<i class="seed" style="left:{at(effect):.1f}%"></i>' for effect in outcome.effects)
    return (
        f'<div class="folklore-strip {outcome.verdict}" role="img" aria-label="{escape(outcome.numbers())}">'
        f'<div class="marks"><i class="axis"></i><i class="zero"></i>'
        f'<i class="interval" style="left:{left:.1f}%;width:{right - left:.1f}%"></i>{seeds}'
        f'<i class="mean" style="left:{at(outcome.effect):.1f}%"></i></div>'
        f'<div class="ends"><span>← {escape(worse)}</span><span>0</span><span>{escape(better)} →</span></div></div>'
    )
