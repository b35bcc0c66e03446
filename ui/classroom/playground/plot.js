// The plane of a run of points: one canvas whose layers the browser switches by itself, its past, a probe, the data flow.
export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".playground");
  if (root && data) (root.playground ??= new Playground(root)).update(decode(data), setTriggerValue);
}

const LOOK = 350; // milliseconds from a drawing to the next question while the run trains
const IDLE = 1200; // and while it is paused
const CURVES_EVERY = 1900; // milliseconds between two drawings of the curves, at least
const REST = 12; // times as long as an answer took is rested: both share the trainer's machine
const RESTED = 2500;
const PATIENCE = 8000; // milliseconds after which a question without an answer is asked again
const PHASE = 1500; // milliseconds that a part of the data flow is lit
const TRAIL = 12; // past moments that a trail has
const TRAILS = 30; // points that have one
const ARROWS = 160; // points that have an arrow
const UNIT = 0.16; // length of a gradient of 1, as a share of half the plane
const LONGEST = 0.42; // arrows longer than this share are cut, and end in a bar
const NOTHING = 2e-6; // probability in a cell below which there is neither data nor samples

const HEAT = { light: [[232, 139, 62], [250, 247, 240], [92, 146, 220]], dark: [[170, 88, 22], [32, 34, 42], [45, 98, 178]] };
const REST_OF = { light: [[150, 95, 170], [250, 247, 240], [70, 155, 92]], dark: [[122, 72, 146], [32, 34, 42], [44, 122, 66]] };
const INK = {
  light: { paper: "#fbf9f4", real: "#1d4f91", fake: "#b4460b", rim: "#ffffff", line: "#23262f", grid: "#4b3aa8", saturating: "#5b2a86", non_saturating: "#00695c", own: "#23262f", probe: "#c2185b" },
  dark: { paper: "#1b1d24", real: "#9cc4ff", fake: "#ffb27a", rim: "#15161b", line: "#f2efe8", grid: "#b9aeff", saturating: "#d9a5ff", non_saturating: "#5fe0cf", own: "#f2efe8", probe: "#ff7eb3" },
};

const HALVES = (() => {
  const table = new Float32Array(65536);
  for (let bits = 0; bits < 65536; bits += 1) {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    if (exponent === 31) table[bits] = fraction ? NaN : sign * Infinity;
    else table[bits] = sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -14 * (fraction / 1024));
  }
  return table;
})();

const sigmoid = (value) => 1 / (1 + Math.exp(-value));

class Frame {
  constructor(buffer, layout) {
    this.step = Number(new DataView(buffer).getBigInt64(0, true));
    for (const [name, [offset, count]] of Object.entries(layout)) {
      this[name] = Float32Array.from(new Uint16Array(buffer, offset, count), (bits) => HALVES[bits]);
    }
  }
}

class Playground {
  constructor(root) {
    this.root = root;
    this.part = (name) => root.querySelector(`.${name}`);
    this.canvas = this.part("plane");
    this.charts = new Charts(this.part("curves"));
    this.queue = [];
    this.trail = [];
    this.count = 0; // frames that the run has
    this.at = null; // the frame of the past that is looked at; null: the newest
    this.questions = 0;
    this.drawn = -Infinity;
    this.painted = 0; // frames that were drawn, for measurements
    this.canvas.addEventListener("pointerdown", (event) => this.pressed(event));
    this.canvas.addEventListener("keydown", (event) => this.typed(event));
    this.part("slider").addEventListener("input", (event) => this.look(Number(event.target.value)));
    this.part("live").addEventListener("click", () => this.look(null));
    this.part("again").addEventListener("click", () => this.ask("again", this.frame.step));
    this.part("play").addEventListener("click", () => this.playPast());
    new ResizeObserver(() => this.draw()).observe(this.canvas);
    const seen = () => {
      if (!root.isConnected) document.removeEventListener("visibilitychange", seen);
      else if (this.resting && !document.hidden) this.poll();
    };
    document.addEventListener("visibilitychange", seen);
    setInterval(() => {
      if (root.isConnected && isDark(root) !== this.dark) this.redress();
    }, 1000);
  }

  // --- messages -----------------------------------------------------------------------------------------------------

  update(header, ask) {
    const { plot } = header;
    this.ask = ask;
    // the page was put together anew, and the message is for what stood there before
    if (!plot.words && !this.words) return void ask("poll", { question: -1 });
    const fresh = this.run !== plot.run;
    if (fresh) this.begin(plot);
    this.plot = plot;
    this.words = plot.words ?? this.words;
    this.layers = plot.layers ?? this.layers;
    this.root.classList.toggle("still", Boolean(plot.still));
    if (fresh) this.moment();
    if (plot.known) this.known = this.fixed(header, plot.known);
    this.status(plot);
    this.take(header, plot, fresh);
    this.buildLayers();
    this.flow(plot.flow);
    if (header.panels) {
      this.charts.update(header);
      this.version = plot.version;
      this.drawn = performance.now();
    }
    if (fresh || !plot.frames.length) this.redress();
    const took = this.asked == null ? 0 : performance.now() - this.asked;
    this.asked = null;
    if (this.wanted !== undefined) return this.poll();
    const every = plot.every ? (plot.every < 0 ? IDLE : LOOK) : 0;
    this.wait(this.playing ? 60 : every && Math.max(every, Math.min(RESTED, REST * took)));
  }

  begin(plot) {
    this.run = plot.run;
    this.frame = null;
    this.queue = [];
    this.trail = [];
    this.at = null;
    this.playing = false;
    this.count = 0;
    this.version = null;
    this.show = new Set(plot.show ?? this.show);
    this.told = [...this.show].join(" ");
    this.layersDrawn = "";
  }

  fixed(header, { real, cells }) {
    const points = Float32Array.from(new Uint16Array(header.blob(...real)), (bits) => HALVES[bits]);
    return { points, cells: new Float32Array(header.blob(...cells)) };
  }

  take(header, plot, fresh) {
    const frames = plot.frames.map((offset) => new Frame(header.blob(offset, plot.record), plot.layout));
    this.count = plot.count;
    if (plot.trail) this.past = cut(new Uint16Array(header.blob(...plot.trail)), plot.points);
    const slider = this.part("slider");
    slider.max = Math.max(0, plot.count - 1);
    if (this.at == null) slider.value = slider.max;
    this.part("history").classList.toggle("none", plot.count < 2);
    if (!frames.length) {
      this.goOn();
      return;
    }
    if (plot.at != null) {
      this.trail = (this.past ?? []).slice();
      this.paint(frames[frames.length - 1]);
    } else if (this.at == null) {
      const rest = frames.length > 1 ? Math.min(LOOK, (LOOK + 60) / frames.length) : 0;
      this.queue.push(...frames);
      if (fresh || !rest) while (this.queue.length) this.next();
      else this.roll(rest);
    }
    this.goOn();
  }

  // the next moment of a past that plays
  goOn() {
    if (this.playing && this.at != null && this.at < this.count - 1) this.look(this.at + 1, true);
    else if (this.playing) this.playPast();
  }

  // several frames that came together are drawn one after the other
  roll(rest) {
    clearTimeout(this.rolling);
    if (!this.queue.length) return;
    this.next();
    this.rolling = setTimeout(() => this.roll(rest), rest);
  }

  next() {
    const frame = this.queue.shift();
    if (this.frame && frame.step < this.frame.step) this.trail = [];
    else if (this.frame && frame.step > this.frame.step) this.trail.push(this.frame.points);
    if (this.trail.length > TRAIL) this.trail.shift();
    this.paint(frame);
  }

  paint(frame) {
    const first = !this.frame;
    this.frame = frame;
    this.painted += 1;
    this.canvas.dataset.painted = this.painted;
    this.canvas.dataset.step = frame.step;
    this.moment();
    this.draw();
    if (first) this.keys();
  }

  wait(milliseconds) {
    clearTimeout(this.timer);
    this.resting = false;
    if (milliseconds) this.timer = setTimeout(() => this.poll(), milliseconds);
  }

  poll() {
    if (!this.root.isConnected) return;
    if (document.hidden) {
      this.resting = true;
      return;
    }
    if (this.asked != null && performance.now() - this.asked < PATIENCE) {
      this.wanted = true; // once the answer is here
      return;
    }
    this.wanted = undefined;
    this.questions += 1;
    this.asked = performance.now();
    const early = performance.now() - this.drawn < CURVES_EVERY || !this.charts.inView();
    this.told = [...this.show].join(" ");
    this.ask("poll", {
      question: this.questions,
      run: this.run,
      lang: this.plot.lang,
      count: this.count,
      known: Boolean(this.known),
      at: this.at,
      show: this.told,
      curves: this.version != null && early ? "later" : (this.version ?? null),
    });
    this.wait(PATIENCE);
  }

  // --- the past -----------------------------------------------------------------------------------------------------

  look(place, playing = false) {
    if (!playing) this.playing = false;
    this.at = place != null && place >= this.count - 1 && !playing ? null : place;
    if (this.at == null) this.trail = [];
    if (this.at == null) this.count = Math.max(0, this.count - 1); // the newest frame again
    this.part("slider").value = place ?? this.part("slider").max;
    this.moment();
    this.poll();
  }

  playPast() {
    const going = this.playing;
    this.playing = !going && this.count > 1;
    if (this.playing) this.look(this.at == null || this.at >= this.count - 1 ? 0 : this.at, true);
    this.moment();
  }

  moment() {
    const { words } = this;
    this.part("moment").textContent = this.frame ? words.step.replace("{step}", this.frame.step.toLocaleString()) : "";
    const slider = this.part("slider");
    slider.ariaLabel = words.history;
    slider.setAttribute("aria-valuetext", this.part("moment").textContent);
    const play = this.part("play");
    play.textContent = this.playing ? "❚❚" : "▶";
    play.title = play.ariaLabel = this.playing ? words.halt : words.play;
    const live = this.part("live");
    live.textContent = words.newest;
    live.style.visibility = this.at == null ? "hidden" : "visible";
    const past = this.part("past");
    const { again } = this.plot;
    past.style.display = this.at == null || !again ? "none" : "";
    past.querySelector(".note").textContent = again ? `${words.past} ${again.words}` : "";
    const button = this.part("again");
    button.textContent = words.again;
    button.disabled = Boolean(again?.locked);
    button.title = again?.locked ?? "";
  }

  // --- the rest of the page -------------------------------------------------------------------------------------------

  status(plot) {
    const badge = this.part("badge");
    badge.textContent = plot.state.word;
    badge.dataset.state = plot.state.name;
    this.part("step").textContent = plot.step;
    this.part("facts").textContent = plot.facts;
    this.canvas.ariaLabel = this.words.plane;
  }

  buildLayers() {
    const { layers } = this;
    const wanted = JSON.stringify([layers, [...this.show]]);
    if (wanted === this.layersDrawn) return;
    this.layersDrawn = wanted;
    const focused = this.part("layers").getRootNode().activeElement?.dataset?.layer;
    this.part("layers").replaceChildren(...layers.map((group) => this.group(group)));
    if (focused) this.part("layers").querySelector(`[data-layer="${focused}"]`)?.focus();
  }

  group({ title, one, items }) {
    const part = node("div", "group");
    part.setAttribute("role", one ? "radiogroup" : "group");
    part.ariaLabel = title;
    part.append(node("b", "", title));
    const chosen = items.find((item) => this.show.has(item.name));
    for (const item of items) {
      const button = node("button", "layer", item.label);
      const on = item === chosen || (one ? !chosen && item.name.startsWith("no_") : this.show.has(item.name));
      button.type = "button";
      button.title = item.help;
      button.dataset.layer = item.name;
      if (one) button.setAttribute("role", "radio");
      button.setAttribute(one ? "aria-checked" : "aria-pressed", on);
      button.addEventListener("click", () => {
        const had = this.show.has(item.name);
        if (one) for (const other of items) this.show.delete(other.name);
        if (one || !had) this.show.add(item.name);
        else this.show.delete(item.name);
        this.redress();
        this.buildLayers();
        clearTimeout(this.telling);
        this.telling = setTimeout(() => this.show && [...this.show].join(" ") !== this.told && this.poll(), 500);
      });
      part.append(button);
    }
    return part;
  }

  redress() {
    this.dark = isDark(this.root);
    this.root.classList.toggle("dark", this.dark);
    this.draw();
    this.keys();
  }

  keys() {
    const ink = this.ink();
    const { words } = this;
    const dot = (colour) => `<svg viewBox="0 0 14 14"><circle cx="7" cy="7" r="3" fill="${colour}"/></svg>`;
    const diamond = `<svg viewBox="0 0 14 14"><path d="M7 2l5 5-5 5-5-5z" fill="${ink.fake}" stroke="${ink.rim}"/></svg>`;
    const arrow = (colour) => `<svg viewBox="0 0 14 14"><path d="M1 7h9M7 3l5 4-5 4" fill="none" stroke="${colour}" stroke-width="2"/></svg>`;
    const parts = [];
    if (this.show.has("real")) parts.push([dot(ink.real), words.real]);
    if (this.show.has("fake") && this.frame) parts.push([diamond, words.fake]);
    for (const [name, label] of Object.entries(this.frame ? this.arrows() : {})) parts.push([arrow(ink[name]), label]);
    this.part("keys").innerHTML = parts.map(([icon, label]) => `<span class="key">${icon}${escape(label)}</span>`).join("");
    const palette = this.heat()?.palette;
    const ends = this.heat()?.ends;
    const css = palette?.map((colour) => `rgb(${colour})`).join(",");
    this.part("scale").innerHTML = palette ? `<span>${escape(ends[0])}</span><i style="background:linear-gradient(90deg,${css})"></i><span>${escape(ends[1])}</span>` : "";
  }

  flow(flow) {
    const part = this.part("flow");
    this.part("flow-part").style.display = flow ? "" : "none";
    if (!flow) return;
    this.part("flow-title").textContent = flow.title;
    if (!part.firstChild) part.innerHTML = flowChart(flow.names);
    for (const [name, figure] of Object.entries(flow.figures)) {
      const text = part.querySelector(`[data-figure="${name}"]`);
      if (text) text.textContent = figure;
    }
    const wanted = JSON.stringify(flow.phases);
    if (wanted === this.phases) return;
    this.phases = wanted;
    clearInterval(this.lighting);
    let place = 0;
    const light = () => {
      const phase = flow.phases[place % flow.phases.length];
      for (const element of part.querySelectorAll("[data-part]")) element.classList.toggle("on", Boolean(phase?.parts.includes(element.dataset.part)));
      this.part("sentence").textContent = phase?.text ?? "";
      place += 1;
    };
    light();
    if (flow.phases.length > 1) {
      this.lighting = setInterval(() => {
        if (place < flow.phases.length) light();
        else clearInterval(this.lighting);
      }, PHASE);
    }
  }

  // --- drawing --------------------------------------------------------------------------------------------------------

  ink() {
    return INK[this.dark ? "dark" : "light"];
  }

  // D as the loss reads it: a probability, the plain output, or a score on the scale of this frame
  value(logit) {
    if (this.plot.reads === "probability") return sigmoid(logit);
    if (this.plot.reads === "plain") return Math.min(1, Math.max(0, logit));
    const [low, high] = this.range;
    return (logit - low) / (high - low || 1);
  }

  arrows() {
    const { words } = this;
    if (this.show.has("own")) return { own: words.own };
    if (this.show.has("saturating")) return { saturating: words.saturating };
    if (this.show.has("non_saturating")) return { non_saturating: words.non_saturating };
    if (this.show.has("both")) return { saturating: words.saturating, non_saturating: words.non_saturating };
    return {};
  }

  pull(frame, place, kind) {
    const [x, y] = kind === "own" ? [frame.pulls[2 * place], frame.pulls[2 * place + 1]] : [frame.slopes[2 * place], frame.slopes[2 * place + 1]];
    if (kind === "own") return [x, y];
    const belief = sigmoid(frame.logits[place]);
    const factor = kind === "saturating" ? belief : 1 - belief;
    return [factor * x, factor * y];
  }

  // the values of the heat map that is switched on, in [0, 1], with their colours
  heat() {
    if (!this.plot) return null;
    const shade = this.dark ? "dark" : "light";
    const { words } = this;
    const { frame, known } = this;
    if (this.show.has("d") && frame) return { palette: HEAT[shade], ends: this.ends(), at: (i) => this.value(frame.field[i]) };
    if (this.show.has("best") && frame && known) {
      return { palette: HEAT[shade], ends: [`0 ${words.looksFake}`, `1 ${words.looksReal}`], at: (i) => this.best(i), alpha: (i) => this.mass(i) };
    }
    if (this.show.has("rest") && frame && known && this.plot.reads !== "score") {
      return { palette: REST_OF[shade], ends: [`−1 ${words.tooLow}`, `+1 ${words.tooHigh}`], at: (i) => (1 + this.value(frame.field[i]) - this.best(i)) / 2, alpha: (i) => this.mass(i) };
    }
    return null;
  }

  ends() {
    const { words } = this;
    if (this.plot.reads !== "score") return [`0 ${words.looksFake}`, `1 ${words.looksReal}`];
    return this.range ? this.range.map((value) => precise(value)) : ["", ""];
  }

  best(i) {
    const [p, q] = [this.known.cells[i], this.frame.density[i]];
    return p + q > 0 ? p / (p + q) : 0.5;
  }

  mass(i) {
    return Math.min(1, (this.known.cells[i] + this.frame.density[i]) / (40 * NOTHING));
  }

  draw() {
    if (!this.plot) return;
    const { canvas } = this;
    const size = canvas.clientWidth;
    if (!size) return;
    const ratio = window.devicePixelRatio || 1;
    if (canvas.width !== Math.round(size * ratio)) canvas.width = canvas.height = Math.round(size * ratio);
    const pen = canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.size = size;
    const ink = this.ink();
    pen.fillStyle = ink.paper;
    pen.fillRect(0, 0, size, size);
    const { frame } = this;
    if (frame) {
      let [low, high] = [Infinity, -Infinity];
      for (const value of frame.field) {
        if (value < low) low = value;
        if (value > high) high = value;
      }
      this.range = [low, high];
    }
    this.drawHeat(pen);
    this.drawAxes(pen, ink);
    if (frame && this.show.has("line")) this.drawLine(pen, ink);
    if (frame && this.show.has("warp")) this.drawWarp(pen, ink);
    if (this.known && this.show.has("real")) this.drawDots(pen, this.known.points, ink.real, 1.5);
    if (frame && this.show.has("trails")) this.drawTrails(pen, ink);
    if (frame && this.show.has("fake")) this.drawDiamonds(pen, frame.points, ink);
    if (frame) for (const name of Object.keys(this.arrows())) this.drawArrows(pen, frame, name, ink);
    if (this.spot) this.drawProbe(pen, ink);
    this.readProbe();
    if (this.plot.reads === "score") this.keys();
  }

  px(x) {
    return ((x / this.plot.half + 1) / 2) * this.size;
  }

  py(y) {
    return ((1 - y / this.plot.half) / 2) * this.size;
  }

  drawHeat(pen) {
    const heat = this.heat();
    if (!heat) return;
    const side = this.plot.side;
    this.sheet ??= document.createElement("canvas");
    this.sheet.width = this.sheet.height = side;
    const sheet = this.sheet.getContext("2d");
    const image = sheet.createImageData(side, side);
    const [low, middle, high] = heat.palette;
    for (let row = 0; row < side; row += 1) {
      for (let column = 0; column < side; column += 1) {
        const from = row * side + column;
        const to = 4 * ((side - 1 - row) * side + column); // y grows upwards
        const value = Math.min(1, Math.max(0, heat.at(from)));
        const [one, other, share] = value < 0.5 ? [low, middle, 2 * value] : [middle, high, 2 * value - 1];
        for (let channel = 0; channel < 3; channel += 1) image.data[to + channel] = one[channel] + share * (other[channel] - one[channel]);
        image.data[to + 3] = 255 * (heat.alpha ? heat.alpha(from) : 1);
      }
    }
    sheet.putImageData(image, 0, 0);
    pen.imageSmoothingEnabled = true;
    pen.drawImage(this.sheet, 0, 0, this.size, this.size);
  }

  drawAxes(pen, ink) {
    pen.save();
    pen.strokeStyle = ink.line;
    pen.fillStyle = ink.line;
    pen.globalAlpha = 0.14;
    pen.lineWidth = 1;
    pen.font = "11px sans-serif";
    for (const value of ticks(-this.plot.half, this.plot.half, 4)) {
      pen.globalAlpha = 0.14;
      pen.beginPath();
      pen.moveTo(this.px(value), 0);
      pen.lineTo(this.px(value), this.size);
      pen.moveTo(0, this.py(value));
      pen.lineTo(this.size, this.py(value));
      pen.stroke();
      pen.globalAlpha = 0.6;
      pen.fillText(shortNumber(value), this.px(value) + 3, this.size - 5);
      if (value) pen.fillText(shortNumber(value), 4, this.py(value) - 3);
    }
    pen.restore();
  }

  drawDots(pen, points, colour, radius) {
    pen.fillStyle = colour;
    pen.globalAlpha = 0.75;
    for (let i = 0; i < points.length; i += 2) {
      pen.beginPath();
      pen.arc(this.px(points[i]), this.py(points[i + 1]), radius, 0, 7);
      pen.fill();
    }
    pen.globalAlpha = 1;
  }

  drawDiamonds(pen, points, ink) {
    pen.fillStyle = ink.fake;
    pen.strokeStyle = ink.rim;
    pen.lineWidth = 0.8;
    const r = this.size < 420 ? 3 : 3.6;
    for (let i = 0; i < points.length; i += 2) {
      const [x, y] = [this.px(points[i]), this.py(points[i + 1])];
      pen.beginPath();
      pen.moveTo(x, y - r);
      pen.lineTo(x + r, y);
      pen.lineTo(x, y + r);
      pen.lineTo(x - r, y);
      pen.closePath();
      pen.fill();
      pen.stroke();
    }
  }

  // where D is undecided: between neighbouring cells of which one is above the threshold and one below
  drawLine(pen, ink) {
    const { threshold, side } = this.plot;
    if (threshold == null) return;
    const { field } = this.frame;
    const place = (cell) => ((cell + 0.5) / side) * this.size;
    pen.beginPath();
    for (let row = 0; row < side - 1; row += 1) {
      for (let column = 0; column < side - 1; column += 1) {
        const corners = [[0, 0], [1, 0], [1, 1], [0, 1]].map(([dx, dy]) => [column + dx, row + dy, field[(row + dy) * side + column + dx] - threshold]);
        const cuts = [];
        for (let edge = 0; edge < 4; edge += 1) {
          const [x, y, value] = corners[edge];
          const [toX, toY, other] = corners[(edge + 1) % 4];
          if (value > 0 === other > 0) continue;
          const share = value / (value - other);
          cuts.push([place(x + share * (toX - x)), this.size - place(y + share * (toY - y))]);
        }
        for (let cut = 0; cut + 1 < cuts.length; cut += 2) {
          pen.moveTo(...cuts[cut]);
          pen.lineTo(...cuts[cut + 1]);
        }
      }
    }
    pen.lineCap = "round";
    pen.strokeStyle = ink.rim;
    pen.lineWidth = 4.5;
    pen.stroke();
    pen.strokeStyle = ink.line;
    pen.lineWidth = 2;
    pen.stroke();
  }

  // lines of equal noise: each mesh holds equally many samples, so that small ones are dense
  drawWarp(pen, ink) {
    const { lattice, curve } = this.plot;
    const { warp } = this.frame;
    const at = (row, column) => [this.px(warp[2 * (row * lattice + column)]), this.py(warp[2 * (row * lattice + column) + 1])];
    pen.strokeStyle = ink.grid;
    pen.fillStyle = ink.grid;
    if (curve) {
      pen.lineWidth = 2;
      pen.beginPath();
      for (let i = 0; i < lattice * lattice; i += 1) pen[i ? "lineTo" : "moveTo"](this.px(warp[2 * i]), this.py(warp[2 * i + 1]));
      pen.stroke();
      return;
    }
    const usual = (this.size / lattice) ** 2;
    for (let row = 0; row < lattice - 1; row += 1) {
      for (let column = 0; column < lattice - 1; column += 1) {
        const mesh = [at(row, column), at(row, column + 1), at(row + 1, column + 1), at(row + 1, column)];
        let area = 0;
        mesh.forEach(([x, y], i) => (area += (x * mesh[(i + 1) % 4][1] - mesh[(i + 1) % 4][0] * y) / 2));
        pen.globalAlpha = Math.min(0.5, (0.12 * usual) / (Math.abs(area) + 0.25 * usual));
        pen.beginPath();
        mesh.forEach(([x, y], i) => pen[i ? "lineTo" : "moveTo"](x, y));
        pen.closePath();
        pen.fill();
      }
    }
    pen.globalAlpha = 0.55;
    pen.lineWidth = 0.8;
    pen.beginPath();
    for (let row = 0; row < lattice; row += 1) {
      for (let column = 0; column < lattice; column += 1) pen[column ? "lineTo" : "moveTo"](...at(row, column));
      for (let column = 0; column < lattice; column += 1) pen[column ? "lineTo" : "moveTo"](...at(column, row));
    }
    pen.stroke();
    pen.globalAlpha = 1;
  }

  drawTrails(pen, ink) {
    const moments = [...this.trail, this.frame.points];
    pen.strokeStyle = ink.fake;
    pen.lineWidth = 1.3;
    for (let t = 1; t < moments.length; t += 1) {
      pen.globalAlpha = (0.8 * t) / moments.length;
      pen.beginPath();
      for (let i = 0; i < TRAILS; i += 1) {
        pen.moveTo(this.px(moments[t - 1][2 * i]), this.py(moments[t - 1][2 * i + 1]));
        pen.lineTo(this.px(moments[t][2 * i]), this.py(moments[t][2 * i + 1]));
      }
      pen.stroke();
    }
    pen.globalAlpha = 1;
  }

  drawArrows(pen, frame, kind, ink) {
    pen.strokeStyle = ink[kind];
    pen.lineWidth = 1.5;
    pen.beginPath();
    for (let i = 0; i < ARROWS; i += 1) this.arrow(pen, frame.points[2 * i], frame.points[2 * i + 1], this.pull(frame, i, kind));
    pen.stroke();
  }

  arrow(pen, atX, atY, [dx, dy]) {
    const size = Math.hypot(dx, dy);
    if (!(size > 0)) return;
    const length = Math.min(size * UNIT, LONGEST) * (this.size / 2);
    if (length < 1) return;
    const [ux, uy] = [dx / size, -dy / size];
    const [x, y] = [this.px(atX), this.py(atY)];
    const [toX, toY] = [x + ux * length, y + uy * length];
    const head = Math.min(5, length / 2);
    pen.moveTo(x, y);
    pen.lineTo(toX, toY);
    pen.moveTo(toX - head * (ux + 0.6 * uy), toY - head * (uy - 0.6 * ux));
    pen.lineTo(toX, toY);
    pen.lineTo(toX - head * (ux - 0.6 * uy), toY - head * (uy + 0.6 * ux));
    if (size * UNIT <= LONGEST) return;
    pen.moveTo(toX - 4 * uy, toY + 4 * ux);
    pen.lineTo(toX + 4 * uy, toY - 4 * ux);
  }

  // --- the probe ------------------------------------------------------------------------------------------------------

  pressed(event) {
    const box = this.canvas.getBoundingClientRect();
    const half = this.plot.half;
    this.spot = [((2 * (event.clientX - box.left)) / box.width - 1) * half, (1 - (2 * (event.clientY - box.top)) / box.height) * half];
    this.draw();
  }

  typed(event) {
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    const half = this.plot.half;
    if (event.key === "Escape") this.spot = null;
    else if (moves[event.key]) {
      const pace = (half / this.plot.side) * (event.shiftKey ? 6 : 1);
      const clamp = (value) => Math.max(-half, Math.min(half, value));
      this.spot = this.spot ? this.spot.map((value, axis) => clamp(value + pace * moves[event.key][axis])) : [0, 0];
    } else return;
    event.preventDefault();
    this.draw();
  }

  // a field of cells between their middles
  between(field, [x, y]) {
    const { half, side } = this.plot;
    const inside = (value) => Math.max(0, Math.min(side - 1.001, ((value / half + 1) / 2) * side - 0.5));
    const [column, row] = [inside(x), inside(y)];
    const [c, r] = [Math.floor(column), Math.floor(row)];
    const [a, b] = [column - c, row - r];
    const at = (dy, dx) => field[(r + dy) * side + c + dx];
    return (1 - b) * ((1 - a) * at(0, 0) + a * at(0, 1)) + b * ((1 - a) * at(1, 0) + a * at(1, 1));
  }

  reading() {
    const { half, side } = this.plot;
    const width = half / side;
    const [x, y] = this.spot;
    const { field } = this.frame;
    const logit = this.between(field, this.spot);
    const slope = [
      (this.between(field, [x + width, y]) - this.between(field, [x - width, y])) / (2 * width),
      (this.between(field, [x, y + width]) - this.between(field, [x, y - width])) / (2 * width),
    ];
    const belief = sigmoid(logit);
    const p = this.known ? this.between(this.known.cells, this.spot) : NaN;
    const q = this.between(this.frame.density, this.spot);
    return { logit, slope, belief, best: p + q > NOTHING ? p / (p + q) : NaN, saturating: slope.map((s) => s * belief), non_saturating: slope.map((s) => s * (1 - belief)) };
  }

  drawProbe(pen, ink) {
    const [x, y] = [this.px(this.spot[0]), this.py(this.spot[1])];
    pen.lineWidth = 2.2;
    if (this.frame) {
      const read = this.reading();
      for (const kind of ["saturating", "non_saturating"]) {
        pen.strokeStyle = ink[kind];
        pen.beginPath();
        this.arrow(pen, ...this.spot, read[kind]);
        pen.stroke();
      }
    }
    pen.strokeStyle = ink.probe;
    pen.beginPath();
    pen.arc(x, y, 6, 0, 7);
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
      pen.moveTo(x + 6 * dx, y + 6 * dy);
      pen.lineTo(x + 12 * dx, y + 12 * dy);
    }
    pen.stroke();
  }

  readProbe() {
    const part = this.part("probe");
    const { words } = this;
    if (!this.spot || !this.frame) {
      if (part.dataset.state !== "empty") part.replaceChildren(node("span", "", words.probe));
      part.dataset.state = "empty";
      return;
    }
    part.dataset.state = "full";
    const read = this.reading();
    const near = (value) => (!Number.isFinite(value) ? "–" : Math.abs(value) < 5e-4 ? "0.000" : precise(+value.toPrecision(3)));
    const pair = ([x, y]) => `(${near(x)}, ${near(y)}) |${near(Math.hypot(x, y))}|`;
    const value = this.plot.reads === "probability" ? read.belief : read.logit;
    const rows = [
      [words.place, `(${near(this.spot[0])}, ${near(this.spot[1])})`],
      [this.plot.reads === "probability" ? "D" : words.score, near(value)],
      ["D* = p / (p + q)", near(read.best)],
    ];
    if (this.plot.reads !== "score") rows.push(["D − D*", near(value - read.best)]);
    rows.push([`−∇ ${words.saturating}`, pair(read.saturating)], [`−∇ ${words.non_saturating}`, pair(read.non_saturating)]);
    const table = node("table");
    for (const [label, figure] of rows) {
      const row = node("tr");
      row.append(node("td", "", label), node("td", "", figure));
      table.append(row);
    }
    part.replaceChildren(table, node("p", "note", words.read));
  }
}

// (K, points) of halves -> K arrays
function cut(halves, count) {
  const found = [];
  for (let start = 0; start + 2 * count <= halves.length; start += 2 * count) {
    found.push(Float32Array.from(halves.subarray(start, start + 2 * count), (bits) => HALVES[bits]));
  }
  return found;
}

// z -> G -> fake, real -> D -> losses -> gradients -> updates
function flowChart(names) {
  const box = (part, x, y, width = 84, height = 46) =>
    `<g data-part="${part}"><rect class="box" x="${x}" y="${y}" width="${width}" height="${height}" rx="9"/><text class="name" x="${x + width / 2}" y="${y + 19}">${escape(names[part])}</text><text class="figure" data-figure="${part}" x="${x + width / 2}" y="${y + 36}"></text></g>`;
  const line = (part, path, back = false) => `<path data-part="${part}" class="arrow${back ? " back" : ""}" marker-end="url(#tip)" d="${path}"/>`;
  return `<svg viewBox="0 0 560 262" role="img" aria-label="${escape(names.all)}"><defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerUnits="userSpaceOnUse" markerWidth="9" markerHeight="9" orient="auto"><path d="M0 0L8 4L0 8z" fill="currentcolor"/></marker></defs>
${line("z-G", "M72 75H102")}${line("G-fake", "M190 75H218")}${line("fake-D", "M306 82L336 112")}${line("real-D", "M306 186L336 150")}${line("D-lossD", "M424 122L452 88")}${line("D-lossG", "M424 140L452 178")}
${line("lossD-D", "M496 50C480 12 400 14 384 100", true)}${line("lossG-D", "M496 210C470 252 396 240 382 160", true)}${line("D-G", "M340 155C300 258 170 250 146 106", true)}
${box("z", 6, 52, 64)}${box("G", 106, 52)}${box("fake", 222, 52)}${box("real", 222, 164)}${box("D", 340, 108)}${box("lossD", 452, 54, 104)}${box("lossG", 452, 162, 104)}
<text class="figure" data-figure="gradientD" x="440" y="14"></text><text class="figure" data-figure="gradientG" x="236" y="254"></text></svg>`;
}
