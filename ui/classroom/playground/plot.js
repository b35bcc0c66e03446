// The plane of a run of points: one canvas whose layers the browser switches by itself, its past, a probe, the data flow.
export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".playground");
  if (root && data) (root.playground ??= new Playground(root)).update(decode(data), setTriggerValue);
}

const IDLE = 1200; // and while it is paused
const CURVES_EVERY = 1900; // milliseconds between two drawings of the curves, at least
const REST = 12; // times as long as an answer took is rested: both share the trainer's machine
const RESTED = 2500;
const SLOWEST = 500; // milliseconds between two frames that came together, at most
const PATIENCE = 8000; // milliseconds after which a question without an answer is asked again
const PHASE = 1500; // milliseconds that a part of the data flow is lit
const TRAIL = 12; // past moments that a trail has

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

class Frame {
  constructor(buffer, layout) {
    this.step = Number(new DataView(buffer).getBigInt64(0, true));
    for (const [name, [offset, count]] of Object.entries(layout)) {
      this[name] = Float32Array.from(new Uint16Array(buffer, offset, count), (bits) => HALVES[bits]);
    }
  }
}

class Playground extends Probe {
  constructor(root) {
    super();
    this.root = root;
    this.hand = new Hand(this);
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
    this.listen();
    this.part("hand-toggle").addEventListener("click", () => this.hand.toggle());
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
    // the page was rebuilt, and the message is for the previous one
    if (!plot.words && !this.words) return void ask("poll", { question: -1 });
    const fresh = this.run !== plot.run;
    if (fresh) this.begin(plot);
    this.plot = plot;
    this.words = plot.words ?? this.words;
    this.layers = plot.layers ?? this.layers;
    this.root.classList.toggle("still", Boolean(plot.still));
    if (plot.still) this.still(plot);
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
    if (plot.still) this.dress();
    if (fresh || !plot.frames.length) this.redress();
    const took = this.asked == null ? 0 : performance.now() - this.asked;
    this.asked = null;
    if (this.wanted !== undefined) return this.poll();
    const every = plot.every ? (plot.every < 0 ? IDLE : 1000 * plot.rest) : 0;
    this.wait(this.playing ? 60 : every && Math.max(every, Math.min(RESTED, REST * took)));
  }

  // before a run
  still(plot) {
    this.hand.begin(plot.half, plot.hand);
    if (this.hand.on && !this.part("hand").firstChild) this.hand.build();
    if (!plot.frames.length) this.first = null;
  }

  dress() {
    const { hand } = this;
    hand.on = hand.on && Boolean(this.first);
    this.frame = hand.on ? hand.dress(this.first) : null;
    this.root.classList.toggle("by-hand", hand.on);
    const toggle = this.part("hand-toggle");
    toggle.textContent = this.words.handToggle;
    this.root.querySelector(".by-hand-part .about").textContent = hand.on ? this.words.handAbout : this.words.handHelp;
    toggle.setAttribute("aria-expanded", hand.on);
    toggle.disabled = !this.first;
    this.buildLayers();
    this.draw();
    this.keys();
  }

  begin(plot) {
    this.run = plot.run;
    this.held = null;
    this.spot = null;
    this.frame = null;
    this.queue = [];
    this.trail = [];
    this.at = null;
    this.playing = false;
    this.count = 0;
    this.version = null;
    this.show = new Set(plot.show ?? this.show);
    this.sentLayers = [...this.show].join(" ");
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
      this.queue.push(...frames);
      const now = performance.now();
      const rest = Math.min(SLOWEST, (now - (this.came ?? now)) / this.queue.length);
      this.came = now;
      if (fresh || plot.state.name !== "running") while (this.queue.length) this.next();
      else this.roll(rest);
    }
    this.goOn();
  }

  // the next frame of a past that is played
  goOn() {
    if (this.playing && this.at != null && this.at < this.count - 1) this.look(this.at + 1, true);
    else if (this.playing) this.playPast();
  }

  // frames that arrived together are drawn one after the other, over the time that as many took to arrive
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
    if (this.plot.still) {
      this.first = frame; // what a run starts from: drawn with a D that is moved by hand
      return;
    }
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
    this.sentLayers = [...this.show].join(" ");
    this.ask("poll", {
      question: this.questions,
      run: this.run,
      lang: this.plot.lang,
      count: this.count,
      known: Boolean(this.known),
      at: this.at,
      show: this.sentLayers,
      hand: this.hand.query(),
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
    this.part("gap").textContent = plot.gap ?? "";
    this.part("curves-note").textContent = plot.curvesNote ?? "";
    this.canvas.ariaLabel = this.words.plane;
  }

  buildLayers() {
    const layers = this.hand.on ? this.layers.map((group) => this.withoutOwn(group)) : this.layers;
    const wanted = JSON.stringify([layers, [...this.show]]);
    if (wanted === this.layersDrawn) return;
    this.layersDrawn = wanted;
    const focused = this.part("layers").getRootNode().activeElement?.dataset?.layer;
    this.part("layers").replaceChildren(...layers.map((group) => this.group(group)));
    if (focused) this.part("layers").querySelector(`[data-layer="${focused}"]`)?.focus();
  }

  // a D that is moved by hand has no loss of its own, and nothing leaves trails
  withoutOwn(group) {
    return { ...group, items: group.items.filter((item) => item.name !== "own" && item.name !== "trails") };
  }

  group({ title, one, items }) {
    const part = node("div", "group");
    part.setAttribute("role", one ? "radiogroup" : "group");
    part.ariaLabel = title;
    part.append(node("b", "", title));
    const instead = this.hand.on && this.show.has("own") && items.find((item) => item.name === "both");
    const chosen = items.find((item) => this.show.has(item.name)) ?? instead;
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
        if (items.some((other) => other.name === "both")) this.show.delete("own");
        if (one || !had) this.show.add(item.name);
        else this.show.delete(item.name);
        this.redress();
        this.buildLayers();
        clearTimeout(this.pollTimer);
        this.pollTimer = setTimeout(() => this.show && [...this.show].join(" ") !== this.sentLayers && this.poll(), 500);
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
