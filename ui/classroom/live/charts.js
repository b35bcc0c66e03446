// Panels of curves as SVG, drawn in place: new data never remounts anything, so nothing flickers.
// Ours and not uPlot's: curves end where a run broke and go on over what wasn't measured, all panels share a pointer, edits
// and levels are marked, a panel is saved as PNG, and each is text that a screen reader finds. uPlot 1.6.32 needs a fifth
// of the time for an update (benchmarks/charts.py: 7.6 ms against 37.7 ms on a busy machine), which comes twice a second.
// A payload is the length of a JSON header (uint32, little-endian), the header, then blobs, each at its offset.

function decode(bytes) {
  const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  const length = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  header.blob = (offset, count) => buffer.slice(4 + length + offset, 4 + length + offset + count);
  const floats = new Float32Array(header.blob(0, 4 * (header.floats ?? 0)));
  const array = ([offset, count]) => floats.subarray(offset, offset + count);
  for (const panel of [...(header.panels ?? []), ...Object.values(header.evidence ?? {})]) {
    for (const series of panel.series) {
      series.xs = array(series.x);
      series.ys = array(series.y);
      series.raw = series.faint ? array(series.faint) : null;
      series.area = series.band ? series.band.map(array) : null;
    }
  }
  return header;
}

const HEIGHT = { normal: 210, small: 130, least: 110, phone: 260, most: 560 }; // least and most apply to the projector
const BELOW = 74;
const PHONE = 760; // maximum width in pixels at which the projector's parts are stacked
const MARGIN = { top: 10, right: 14, bottom: 38, left: 58 };

class Charts {
  constructor(root, small = false) {
    this.root = root;
    this.small = small;
    this.panels = [];
    this.hover = null; // a step, the same in all panels
    this.hidden = new Set(); // names of series hidden by the legend
    new ResizeObserver(() => this.draw()).observe(root);
    // charts out of view are drawn when they come into view
    this.sight = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        target.panel.seen = isIntersecting;
        if (isIntersecting && target.panel.late) this.draw();
      }
    });
    // redraw when the theme changes
    this.dark = isDark(root);
    setInterval(() => {
      if (root.isConnected && isDark(root) !== this.dark) this.draw();
    }, 1000);
  }

  update(header) {
    this.header = header;
    this.root.classList.toggle("large", Boolean(header.large));
    while (this.panels.length > header.panels.length) {
      const { element } = this.panels.pop();
      this.sight.unobserve(element);
      element.remove();
    }
    while (this.panels.length < header.panels.length) this.panels.push(new Panel(this));
    this.draw();
  }

  draw() {
    if (!this.header) return;
    this.dark = isDark(this.root);
    this.panels.forEach((panel) => panel.measure(this.header.large)); // measure all before changing any, so that the browser computes the layout once
    this.panels.forEach((panel, place) => {
      panel.late = !panel.seen;
      if (panel.seen) panel.draw(this.header.panels[place], this.header);
    });
  }

  inView() {
    return !this.panels.length || this.panels.some((panel) => panel.seen);
  }

  point(step) {
    this.hover = step;
    this.panels.forEach((panel) => panel.drawPointer());
  }
}

class Panel {
  constructor(charts) {
    this.charts = charts;
    this.element = node("figure", "panel");
    this.element.panel = this;
    this.seen = true; // until the observer reports otherwise
    const head = node("div", "head");
    this.title = node("figcaption", "title");
    this.save = node("button", "save", "⤓");
    this.save.type = "button";
    this.save.onclick = () => this.download();
    head.append(this.title, this.save);
    this.legend = node("div", "legend");
    this.plot = node("div", "plot");
    this.svg = svgNode("svg");
    this.curves = svgNode("g");
    this.pointer = svgNode("g");
    this.svg.append(this.curves, this.pointer);
    this.tip = node("div", "tip");
    this.plot.append(this.svg, this.tip);
    this.element.append(head, this.legend, this.plot);
    charts.root.append(this.element);
    charts.sight.observe(this.element);
    this.svg.addEventListener("pointermove", (event) => {
      const box = this.svg.getBoundingClientRect();
      this.active = true;
      charts.point(this.stepAt(event.clientX - box.left));
    });
    this.svg.addEventListener("pointerleave", () => {
      this.active = false;
      charts.point(null);
    });
  }

  // large: down to the projector's buttons
  measure(large) {
    this.width = Math.max(220, this.plot.clientWidth || 320);
    const room = large ? window.innerHeight - this.plot.getBoundingClientRect().top - BELOW : 0;
    const least = window.innerWidth <= PHONE ? HEIGHT.phone : HEIGHT.least;
    const normal = this.charts.small ? HEIGHT.small : HEIGHT.normal;
    this.height = large ? Math.min(HEIGHT.most, Math.max(least, room)) : normal;
  }

  draw(panel, header) {
    this.panel = panel;
    this.header = header;
    this.title.textContent = panel.title;
    this.save.title = this.save.ariaLabel = header.words.png;
    this.drawLegend();
    const { width, height } = this;
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.svg.setAttribute("width", width);
    this.svg.setAttribute("height", height);
    this.svg.setAttribute("role", "img");
    this.svg.setAttribute("aria-label", panel.title);
    this.scale(width, height);
    this.curves.innerHTML = this.axes() + this.marks() + this.lines() + this.level();
    this.drawPointer();
  }

  visible() {
    return this.panel.series.filter((series) => !this.charts.hidden.has(series.name));
  }

  drawLegend() {
    const wanted = JSON.stringify([this.panel.series.map((s) => [s.name, s.colour]), [...this.charts.hidden], this.charts.dark]);
    if (wanted === this.drawnLegend) return;
    this.drawnLegend = wanted;
    this.legend.replaceChildren(
      ...this.panel.series.map((series) => {
        const item = node("button", "item");
        item.type = "button";
        const swatch = node("i", "swatch");
        swatch.style.background = this.colour(series.colour);
        item.append(swatch, series.name);
        item.classList.toggle("off", this.charts.hidden.has(series.name));
        item.onclick = () => {
          const hidden = this.charts.hidden;
          hidden.has(series.name) ? hidden.delete(series.name) : hidden.add(series.name);
          this.charts.draw();
        };
        return item;
      }),
    );
  }

  colour(pair) {
    return pair[this.charts.dark ? 1 : 0];
  }

  scale(width, height) {
    const panel = this.panel;
    const xs = this.visible().filter((series) => series.xs.length);
    let first = Math.min(...xs.map((series) => series.xs[0]));
    let last = Math.max(...xs.map((series) => series.xs[series.xs.length - 1]));
    if (!Number.isFinite(first)) [first, last] = [0, 1];
    if (last <= first) last = first + 1;
    const [low, high] = this.range();
    const inner = [MARGIN.left, width - MARGIN.right, height - MARGIN.bottom, MARGIN.top];
    const warp = panel.log ? Math.log10 : (value) => value;
    const [bottom, top] = [warp(low), warp(high)];
    this.size = { width, height };
    this.domain = { first, last, low, high };
    this.px = (step) => inner[0] + ((step - first) / (last - first)) * (inner[1] - inner[0]);
    this.py = (value) => inner[2] - ((warp(value) - bottom) / (top - bottom)) * (inner[2] - inner[3]);
    this.stepAt = (x) => first + ((x - inner[0]) / (inner[1] - inner[0])) * (last - first);
  }

  range() {
    const { panel } = this;
    const usable = (value) => Number.isFinite(value) && (!panel.log || value > 0);
    const values = [];
    for (const series of this.visible()) {
      for (const value of series.ys) if (usable(value)) values.push(value);
      this.inBand(series, (low, high) => values.push(...[low, high].filter(usable)));
      if (series.raw) {
        // ignore single spikes of the faint line for the scale
        const sorted = Array.from(series.raw).filter(usable).sort((a, b) => a - b);
        if (sorted.length) values.push(sorted[Math.floor(sorted.length * 0.03)], sorted[Math.floor((sorted.length - 1) * 0.97)]);
      }
    }
    let low = values.length ? values.reduce((a, b) => Math.min(a, b)) : panel.log ? 0.1 : 0;
    let high = values.length ? values.reduce((a, b) => Math.max(a, b)) : 1;
    if (panel.low != null) low = Math.min(panel.low, panel.fixed ? panel.low : low);
    if (panel.high != null) high = Math.max(panel.high, panel.fixed ? panel.high : high);
    if (panel.log) return low < high / 1.5 ? [low / 1.15, high * 1.15] : [low / 2, high * 2];
    const room = (high - low || Math.abs(high) || 1) * 0.06;
    return [panel.low != null && low >= panel.low ? low : low - room, panel.high != null && high <= panel.high ? high : high + room];
  }

  axes() {
    const { first, last, low, high } = this.domain;
    const { width, height } = this.size;
    const [left, right, bottom] = [MARGIN.left, width - MARGIN.right, height - MARGIN.bottom];
    const ink = this.ink();
    const parts = [];
    for (const value of this.panel.log ? logTicks(low, high) : ticks(low, high, this.header.large ? 6 : 4)) {
      const y = this.py(value).toFixed(1);
      parts.push(`<line x1="${left}" x2="${right}" y1="${y}" y2="${y}" stroke="${ink}" stroke-opacity="0.1"/>`);
      parts.push(text(left - 7, Number(y) + 4, shortNumber(value), ink, "end"));
    }
    for (const value of ticks(first, last, Math.max(4, Math.floor(width / 85)), true)) {
      parts.push(text(this.px(value), bottom + 16, shortNumber(value), ink, "middle"));
    }
    parts.push(`<line x1="${left}" x2="${right}" y1="${bottom}" y2="${bottom}" stroke="${ink}" stroke-opacity="0.35"/>`);
    parts.push(text((left + right) / 2, height - 6, this.panel.x || this.header.words.step, ink, "middle", 0.7));
    const middle = (MARGIN.top + bottom) / 2;
    parts.push(
      `<text transform="translate(13 ${middle}) rotate(-90)" text-anchor="middle" fill="${ink}" fill-opacity="0.7" font-size="${this.font()}">${escape(this.panel.unit)}</text>`,
    );
    return parts.join("");
  }

  // the reference level, above the curves
  level() {
    const { low, high } = this.domain;
    const [left, right] = [MARGIN.left, this.size.width - MARGIN.right];
    const line = this.panel.line;
    if (!line || line.y < low || line.y > high) return "";
    const y = this.py(line.y).toFixed(1);
    const paper = this.charts.dark ? "#15161b" : "#fcfbf8";
    const colour = this.colour(line.colour);
    return `<line x1="${left}" x2="${right}" y1="${y}" y2="${y}" stroke="${colour}" stroke-dasharray="4 4"/>${text(right, Number(y) - 5, line.text, colour, "end", 1, paper)}`;
  }

  marks() {
    const { first, last } = this.domain;
    const { height } = this.size;
    const colour = this.colour(this.header.markColour);
    return this.header.marks
      .filter((mark) => mark.x >= first && mark.x <= last)
      .map((mark) => {
        const x = this.px(mark.x).toFixed(1);
        return `<line x1="${x}" x2="${x}" y1="${MARGIN.top}" y2="${height - MARGIN.bottom}" stroke="${colour}" stroke-dasharray="3 3"/><path d="M${x} ${MARGIN.top - 2}l-5 -7h10z" fill="${colour}"/>`;
      })
      .join("");
  }

  lines() {
    const { width, height } = this.size;
    const clip = (this.clip ??= `clip-${Math.random().toString(36).slice(2)}`);
    const parts = [
      `<clipPath id="${clip}"><rect x="${MARGIN.left}" y="${MARGIN.top - 2}" width="${width - MARGIN.left - MARGIN.right + 2}" height="${height - MARGIN.top - MARGIN.bottom + 4}"/></clipPath><g clip-path="url(#${clip})">`,
    ];
    const thick = this.header.large ? 3.5 : 2;
    for (const series of this.visible()) if (series.area) parts.push(this.area(series));
    for (const series of this.visible()) {
      if (series.raw) parts.push(this.path(series, series.raw, 1, 0.28));
    }
    for (const series of this.visible()) parts.push(this.path(series, series.ys, thick, 1));
    parts.push("</g>");
    return parts.join("");
  }

  // the band behind a curve, as far as the curve goes
  inBand(series, take) {
    const [steps, lows, highs] = series.area ?? [[]];
    const last = series.xs[series.xs.length - 1] ?? 0;
    for (let i = 0; i < steps.length; i += 1) {
      if (steps[i] >= (series.xs[0] ?? 0) && steps[i] <= last) take(lows[i], highs[i], steps[i]);
    }
  }

  area(series) {
    const above = [];
    const below = [];
    const place = (step, value) => `${this.px(step).toFixed(1)} ${Math.max(-1e4, Math.min(1e4, this.py(value))).toFixed(1)}`;
    this.inBand(series, (low, high, step) => {
      if (!Number.isFinite(low) || !Number.isFinite(high) || (this.panel.log && low <= 0)) return;
      above.push(place(step, high));
      below.unshift(place(step, low));
    });
    if (!above.length) return "";
    if (above.length === 1) return `<path d="M${above[0]}L${below[0]}" stroke="${this.colour(series.colour)}" stroke-width="5" stroke-opacity="0.3"/>`;
    return `<path d="M${[...above, ...below].join("L")}Z" fill="${this.colour(series.colour)}" fill-opacity="0.13"/>`;
  }

  path(series, values, thick, opacity) {
    let path = "";
    let count = 0;
    let joined = false;
    let lastX = 0;
    let lastY = 0;
    for (let i = 0; i < values.length; i += 1) {
      const value = values[i];
      // not measured: continue to the next value; broken: end the line
      if (Math.abs(value) === Infinity) joined = false;
      if (!Number.isFinite(value) || (this.panel.log && value <= 0)) continue;
      lastX = this.px(series.xs[i]);
      lastY = Math.max(-1e4, Math.min(1e4, this.py(value)));
      path += `${joined ? "L" : "M"}${lastX.toFixed(1)} ${lastY.toFixed(1)}`;
      joined = true;
      count += 1;
    }
    const colour = this.colour(series.colour);
    if (count === 1) return `<circle cx="${lastX}" cy="${lastY}" r="3" fill="${colour}"/>`;
    const dash = series.dash ? ' stroke-dasharray="6 4"' : "";
    return `<path d="${path}" fill="none" stroke="${colour}" stroke-width="${thick}" stroke-opacity="${opacity}" stroke-linejoin="round"${dash}/>`;
  }

  drawPointer() {
    const step = this.charts.hover;
    if (step == null || !this.panel) {
      if (this.pointer.firstChild) this.pointer.replaceChildren();
      this.tip.style.display = "none";
      return;
    }
    const rows = [];
    let parts = "";
    let at = null;
    for (const series of this.visible()) {
      const place = nearest(series.xs, step, series.ys);
      if (place < 0) continue;
      at ??= series.xs[place];
      rows.push([series, series.ys[place]]);
      if (!Number.isFinite(series.ys[place])) continue;
      parts += `<circle cx="${this.px(series.xs[place])}" cy="${Math.max(MARGIN.top, this.py(series.ys[place]))}" r="3.5" fill="${this.colour(series.colour)}"/>`;
    }
    if (at == null) return;
    const x = this.px(at);
    const { width, height } = this.size;
    this.pointer.innerHTML = `<line x1="${x}" x2="${x}" y1="${MARGIN.top}" y2="${height - MARGIN.bottom}" stroke="${this.ink()}" stroke-opacity="0.3"/>${parts}`;
    if (!this.active) {
      this.tip.style.display = "none";
      return;
    }
    const near = (this.domain.last - this.domain.first) * 0.02;
    const shownMarks = this.header.marks.filter((mark) => Math.abs(mark.x - step) <= near);
    this.tip.replaceChildren(
      node("b", "", `${this.panel.x || this.header.words.step} ${shortNumber(at)}`),
      ...rows.map(([series, value]) => {
        const row = node("div", "row");
        const swatch = node("i", "swatch");
        swatch.style.background = this.colour(series.colour);
        row.append(swatch, series.name, node("span", "value", Number.isFinite(value) ? precise(value) : this.header.words.broken));
        return row;
      }),
      ...shownMarks.map((mark) => node("div", "shown-mark", `${mark.text}`)),
    );
    this.tip.style.display = "block";
    const room = this.tip.offsetWidth + 14;
    this.tip.style.left = `${x + room > width ? Math.max(0, x - room) : x + 12}px`;
  }

  ink() {
    return this.charts.dark ? "#e9e7e2" : "#262a33";
  }

  font() {
    return this.header.large ? 18 : 12;
  }

  download() {
    const { width, height } = this.size;
    const head = 52;
    const ink = this.ink();
    const paper = this.charts.dark ? "#16171d" : "#ffffff";
    let x = MARGIN.left;
    const legend = this.visible()
      .map((series) => {
        const part = `<circle cx="${x}" cy="38" r="5" fill="${this.colour(series.colour)}"/>${text(x + 9, 42, series.name, ink, "start")}`;
        x += 26 + [...series.name].reduce((sum, char) => sum + (char > "\u2e80" ? 12.5 : 6.6), 0);
        return part;
      })
      .join("");
    const wide = Math.max(width, x);
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${wide}" height="${height + head}" font-family="sans-serif"><rect width="100%" height="100%" fill="${paper}"/><text x="${MARGIN.left}" y="20" font-size="15" font-weight="600" fill="${ink}">${escape(this.panel.title)}</text>${legend}<g transform="translate(0 ${head})">${this.curves.innerHTML}</g></svg>`;
    const image = new Image();
    image.onload = () => {
      const canvas = document.createElement("canvas");
      canvas.width = wide * 2;
      canvas.height = (height + head) * 2;
      const pen = canvas.getContext("2d");
      pen.scale(2, 2);
      pen.drawImage(image, 0, 0);
      const link = document.createElement("a");
      link.download = `${this.header.file || "curves"}-${this.panel.file || "curve"}.png`;
      link.href = canvas.toDataURL("image/png");
      link.click();
    };
    image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  }
}

function node(tag, className = "", content = "") {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (content) element.textContent = content;
  return element;
}

function svgNode(tag) {
  return document.createElementNS("http://www.w3.org/2000/svg", tag);
}

function escape(value) {
  return String(value ?? "").replace(/[&<>"]/g, (char) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[char]);
}

// `halo`: an outline in the background colour, for readability on curves
function text(x, y, content, colour, anchor, opacity = 0.85, halo = "") {
  const rim = halo ? ` stroke="${halo}" stroke-width="4" paint-order="stroke"` : "";
  return `<text x="${x}" y="${y}" text-anchor="${anchor}" fill="${colour}" fill-opacity="${opacity}" font-size="12"${rim}>${escape(content)}</text>`;
}

function isDark(element) {
  const channels = getComputedStyle(element).color.match(/[\d.]+/g)?.map(Number) ?? [0, 0, 0];
  return channels[0] + channels[1] + channels[2] > 380; // light text means a dark theme
}

function ticks(low, high, wanted, whole = false) {
  const rough = (high - low) / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  let step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough) ?? power * 10;
  if (whole) step = Math.max(1, step);
  const found = [];
  for (let value = Math.ceil(low / step) * step; value <= high + step * 1e-9; value += step) {
    found.push(Math.abs(value) < step * 1e-9 ? 0 : value);
  }
  return found;
}

function logTicks(low, high) {
  const found = [];
  const from = Math.floor(Math.log10(low));
  const to = Math.ceil(Math.log10(high));
  const every = Math.max(1, Math.ceil((to - from) / 5));
  for (let power = from; power <= to; power += every) {
    for (const factor of to - from <= 2 ? [1, 2, 5] : [1]) {
      const value = factor * 10 ** power;
      if (value >= low && value <= high) found.push(value);
    }
  }
  return found;
}

function shortNumber(value) {
  const size = Math.abs(value);
  if (size >= 1e9) return value.toExponential(0);
  if (size >= 1e6) return `${+(value / 1e6).toPrecision(3)}M`;
  if (size >= 1e4) return `${+(value / 1e3).toPrecision(3)}k`;
  if (size && size < 1e-3) return value.toExponential(0);
  return String(+value.toPrecision(4));
}

function precise(value) {
  const size = Math.abs(value);
  return size && (size < 1e-3 || size >= 1e5) ? value.toExponential(2) : String(+value.toPrecision(4));
}

function nearest(xs, step, ys) {
  let low = 0;
  let high = xs.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    xs[middle] < step ? (low = middle) : (high = middle);
  }
  const order = [low, high, low - 1, high + 1, low - 2, high + 2].filter((place) => place >= 0 && !Number.isNaN(ys[place] ?? NaN));
  order.sort((a, b) => Math.abs(xs[a] - step) - Math.abs(xs[b] - step));
  return order.length ? order[0] : -1;
}
