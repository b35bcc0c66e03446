"""What the live curves cost the browser: our own SVG panels (`charts.js`) compared with uPlot, which draws on a canvas.

    python -m benchmarks.charts

Six panels of three series, 400 points each with a faint line of raw values behind, as a run's page has them, redrawn
100 times with new values. Both are fed the same arrays in Chromium without a GPU; the time is that of the page's main
thread (tasks, as the browser reports them), in turn. uPlot comes from npm (`npm pack`), so npm is required.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.timing import ROOT, Row, report

UPLOT = "1.6.32"
PANELS, SERIES, POINTS, UPDATES = 6, 3, 400, 100
LIVE = ROOT / "ui" / "classroom" / "live"
PAGE = """<!doctype html><style>{css}</style><body style="width:1000px"><div class="curves" id="root"></div><script>
{script}
const PANELS = {panels}, SERIES = {series}, POINTS = {points};
const steps = Float32Array.from({{length: POINTS}}, (_, i) => 25 * i);
const wave = (k, t) => Float32Array.from(
  steps, (x, i) => 0.7 + 0.2 * Math.sin(i / 40 + k + t) + 0.05 * ((i * 7919 + t) % 13) / 13);
const colours = [["#5a4bd4", "#a397ff"], ["#b5541c", "#ffb380"], ["#2f9e6b", "#7fe0b4"]];
const root = document.getElementById("root");
{draw}
async function updates(count) {{
  for (let t = 0; t < count; t += 1) {{
    update(t);
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  }}
}}
</script>"""
OURS = """
const charts = new Charts(root);
function update(t) {
  const panels = Array.from({length: PANELS}, (_, p) => ({
    title: "Losses", unit: "loss", log: false, low: null, high: null, fixed: false, line: null, file: "x", x: "",
    series: Array.from({length: SERIES}, (_, s) => ({
      name: "series " + s, colour: colours[s], dash: false, xs: steps, ys: wave(s + p, t), raw: wave(s + p + 9, t),
    })),
  }));
  charts.update({large: false, file: "x", words: {step: "step", png: "PNG", broken: "-"}, markColour: colours[0],
                 marks: [{x: 3000, text: "edit"}], panels});
}"""
THEIRS = """
const plots = Array.from({length: PANELS}, () => new uPlot({
  width: 480, height: 210, axes: [{}, {label: "loss"}],
  series: [{}, ...Array.from({length: 2 * SERIES}, (_, s) => (
    {label: "series " + s, stroke: colours[s % SERIES][0] + (s < SERIES ? "48" : ""), width: s < SERIES ? 1 : 2}))],
}, [[0], ...Array.from({length: 2 * SERIES}, () => [0])], root));
function update(t) {
  plots.forEach((plot, p) => plot.setData([steps, ...Array.from({length: SERIES}, (_, s) => wave(s + p + 9, t)),
                                           ...Array.from({length: SERIES}, (_, s) => wave(s + p, t))]));
}"""


def uplot(folder: Path) -> tuple[str, str]:
    """uPlot's script and style sheet, from npm."""
    subprocess.run(["npm", "pack", "--silent", f"uplot@{UPLOT}"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    with tarfile.open(folder / f"uplot-{UPLOT}.tgz") as packed:
        packed.extractall(folder, filter="data")
    dist = folder / "package" / "dist"
    return (dist / "uPlot.iife.min.js").read_text(), (dist / "uPlot.min.css").read_text()


def page_of(script: str, css: str, draw: str) -> str:
    return PAGE.format(css=css, script=script, draw=draw, panels=PANELS, series=SERIES, points=POINTS)


def busy(client: Any) -> float:
    """Seconds that the page's main thread has worked so far."""
    metrics = client.send("Performance.getMetrics")["metrics"]
    return float(next(one["value"] for one in metrics if one["name"] == "TaskDuration"))


def main(arguments: Sequence[str] | None = None) -> int:
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=5)
    options = parser.parse_args(arguments)
    own = (LIVE / "charts.js").read_text(encoding="utf-8"), (LIVE / "charts.css").read_text(encoding="utf-8")
    found: dict[str, list[float]] = {"charts.js": [], "uPlot": []}
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        other = uplot(Path(folder))
        pages = {"charts.js": page_of(*own, OURS), "uPlot": page_of(*other, THEIRS)}
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"])
        for _repetition in range(options.repetitions):
            for name, html in pages.items():
                page = browser.new_page()
                client = page.context.new_cdp_session(page)
                client.send("Performance.enable")
                page.set_content(html)
                page.evaluate("updates(5)")
                before = busy(client)
                page.evaluate(f"updates({UPDATES})")
                found[name].append((busy(client) - before) / UPDATES * 1e3)
                page.close()
        browser.close()
    sizes = {"charts.js": sum(map(len, own)), "uPlot": sum(map(len, other))}
    report("Live curves in the browser", [
        Row(f"{name}, one update of {PANELS} panels", f"{statistics.median(times):.1f} ms of the main thread; "
            f"{sizes[name] / 1e3:.0f} kB of code", "", None, str(len(times)))
        for name, times in found.items()
    ])  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
