// A discriminator that the visitor moves before anything is trained: D(x) = sigmoid(l(x)), where the logit is
//   of a line     l(x) = steepness (n x - position), n the unit vector of a direction
//   of a circle   l(x) = steepness (radius - |x - centre|); with a negative steepness the inside counts as fake
// Next to it, its value against the generator's first points: sums over the cells of the plane, in nats.
const GRIP = 16; // pixels around a handle
const CLIMB = 0.5; // a first length of a gradient step, in units of the parameters

class Hand {
  constructor(playground) {
    this.playground = playground;
    this.on = false;
  }

  // values from the link, else a D that is undecided in the middle
  begin(half, kept) {
    this.half = half;
    if (!this.values) {
      this.values = { shape: "line", direction: 30, position: 0, steepness: 3 / half, x: 0, y: 0, radius: half / 2, ...kept };
      this.on = Boolean(kept);
    }
    for (const knob of this.knobs) this.values[knob.name] = Math.max(knob.low, Math.min(knob.high, this.values[knob.name]));
  }

  // for the link
  query() {
    return this.on ? [this.values.shape, ...this.knobs.map((knob) => +this.values[knob.name].toFixed(3))].join() : "";
  }

  toggle() {
    this.on = !this.on;
    if (this.on) this.build();
    this.playground.release();
    this.changed();
  }

  get knobs() {
    const { half } = this;
    const steep = { name: "steepness", low: this.values.shape === "line" ? 0 : -24 / half, high: 24 / half, step: 0.1 / half };
    const across = { low: -half, high: half, step: half / 100 };
    return this.values.shape === "line"
      ? [{ name: "direction", low: -180, high: 180, step: 1, unit: "°" }, { name: "position", ...across }, steep]
      : [{ name: "x", ...across }, { name: "y", ...across }, { name: "radius", low: 0, high: half, step: half / 100 }, steep];
  }

  get normal() {
    const angle = (this.values.direction * Math.PI) / 180;
    return [Math.cos(angle), Math.sin(angle)];
  }

  logit(x, y) {
    const { shape, position, steepness, radius } = this.values;
    if (shape === "line") return steepness * (this.normal[0] * x + this.normal[1] * y - position);
    return steepness * (radius - Math.hypot(x - this.values.x, y - this.values.y));
  }

  slope(x, y) {
    const { shape, steepness } = this.values;
    if (shape === "line") return this.normal.map((part) => steepness * part);
    const [dx, dy] = [x - this.values.x, y - this.values.y];
    const far = Math.hypot(dx, dy) || 1;
    return [(-steepness * dx) / far, (-steepness * dy) / far];
  }

  // the frame with this D instead of the network's
  dress(frame) {
    const made = Object.assign(Object.create(Object.getPrototypeOf(frame)), frame);
    made.field = this.field();
    made.logits = new Float32Array(frame.logits.length);
    made.slopes = new Float32Array(frame.slopes.length);
    for (let i = 0; i < made.logits.length; i += 1) {
      const [x, y] = [frame.points[2 * i], frame.points[2 * i + 1]];
      made.logits[i] = this.logit(x, y);
      [made.slopes[2 * i], made.slopes[2 * i + 1]] = this.slope(x, y);
    }
    return made;
  }

  // --- its value ----------------------------------------------------------------------------------------------------

  measure() {
    const { p, q, frame } = this.playground;
    return { ...worth(frame.field, p, q), ...pulls(frame) };
  }

  // a step up the gradient of V, as short as it must be to go up
  climb() {
    const names = this.knobs.map((knob) => knob.name);
    const start = { ...this.values };
    const before = this.value();
    const scale = (name) => (name === "direction" ? 30 : this.half / 4);
    const slopes = names.map((name) => {
      const tiny = 1e-3 * scale(name);
      this.values = { ...start, [name]: start[name] + tiny };
      return (this.value() - before) / 1e-3;
    });
    for (let length = CLIMB; length > 1e-4; length /= 2) {
      const moved = Object.fromEntries(names.map((name, place) => [name, start[name] + length * slopes[place] * scale(name)]));
      this.values = { ...start, ...moved };
      for (const knob of this.knobs) this.values[knob.name] = Math.max(knob.low, Math.min(knob.high, this.values[knob.name]));
      if (this.value() > before) return this.changed();
    }
    this.values = start;
    return this.changed();
  }

  value() {
    const { p, q } = this.playground;
    return worth(this.field(), p, q).value;
  }

  // the logit in the middle of each cell
  field() {
    const { side } = this.playground.plot;
    const middle = (cell) => this.half * (((cell + 0.5) / side) * 2 - 1);
    return Float32Array.from({ length: side * side }, (_, i) => this.logit(middle(i % side), middle(Math.floor(i / side))));
  }

  // --- the plane: what can be dragged ---------------------------------------------------------------------------------

  handles() {
    const { shape, position, x, y, radius } = this.values;
    if (shape === "circle") return { centre: [x, y], rim: [x + radius, y] };
    const foot = this.normal.map((part) => part * position);
    return { foot, tip: foot.map((value, axis) => value + 0.3 * this.half * this.normal[axis]) };
  }

  handle(far) {
    if (!this.on || !this.playground.frame) return null;
    return Object.entries(this.handles()).reverse().find(([, place]) => far(place) < GRIP)?.[0] ?? null;
  }

  move(name, [x, y]) {
    const { values } = this;
    if (name === "centre") [values.x, values.y] = [x, y];
    else if (name === "rim") values.radius = Math.min(this.half, Math.hypot(x - values.x, y - values.y));
    else if (name === "foot") values.position = this.normal[0] * x + this.normal[1] * y;
    else {
      const [fx, fy] = this.handles().foot;
      values.direction = Math.round((Math.atan2(y - fy, x - fx) * 180) / Math.PI);
    }
    this.changed();
  }

  drawHandles(pen, ink) {
    const plane = this.playground;
    if (!this.on || !plane.frame) return;
    const ends = Object.values(this.handles()).map(([x, y]) => [plane.px(x), plane.py(y)]);
    pen.strokeStyle = ink.probe;
    pen.fillStyle = ink.paper;
    pen.lineWidth = 2.4;
    pen.beginPath();
    for (const end of ends) pen.lineTo(...end);
    pen.stroke();
    for (const [x, y] of ends) {
      pen.beginPath();
      pen.arc(x, y, 7, 0, 7);
      pen.fill();
      pen.stroke();
    }
  }

  // --- the panel ------------------------------------------------------------------------------------------------------

  changed() {
    this.playground.dress();
    clearTimeout(this.pollTimer);
    this.pollTimer = setTimeout(() => this.playground.poll(), 700);
  }

  build() {
    const { words } = this.playground;
    const part = this.playground.part("hand");
    const shapes = node("div", "group");
    shapes.setAttribute("role", "radiogroup");
    shapes.ariaLabel = words.shape;
    for (const shape of ["line", "circle"]) {
      const button = node("button", "", words[shape]);
      button.type = "button";
      button.setAttribute("role", "radio");
      button.setAttribute("aria-checked", this.values.shape === shape);
      button.addEventListener("click", () => {
        this.values.shape = shape;
        this.values.steepness = Math.abs(this.values.steepness);
        this.build();
        this.changed();
      });
      shapes.append(button);
    }
    const climb = node("button", "climb", words.climb);
    climb.type = "button";
    climb.title = words.climbHelp;
    climb.addEventListener("click", () => this.climb());
    shapes.append(climb);
    part.replaceChildren(shapes, ...this.knobs.map((knob) => this.slider(knob)), node("table", "worth"), node("p", "note", words.handNote));
  }

  slider({ name, low, high, step, unit = "" }) {
    const { words } = this.playground;
    const label = node("label", "knob", "");
    const input = node("input");
    Object.assign(input, { type: "range", min: low, max: high, step });
    input.dataset.knob = name;
    input.dataset.unit = unit;
    input.addEventListener("input", () => {
      this.values[name] = Number(input.value);
      this.changed();
    });
    label.append(node("span", "", words[name] ?? name), input, node("output"));
    return label;
  }

  show() {
    const { words } = this.playground;
    const part = this.playground.part("hand");
    for (const input of part.querySelectorAll("input")) {
      const value = this.values[input.dataset.knob];
      input.value = value;
      input.nextSibling.textContent = near(value) + input.dataset.unit;
      input.setAttribute("aria-valuetext", input.nextSibling.textContent);
    }
    const found = this.measure();
    const rows = [
      ["V(D, G)", near(found.value)],
      ["V(D*, G)", near(found.best)],
      [words.missing, near(found.best - found.value)],
      [words.accuracy, `${percent(found.accuracy)} (${words.atMost.replace("{share}", percent(found.most))})`],
      [words.apart, near(found.apart)],
      [`${words.meanArrow} log(1 − D)`, near(found.saturating)],
      [`${words.meanArrow} −log D`, near(found.non_saturating)],
    ];
    const lines = rows.map(([label, figure]) => {
      const row = node("tr");
      row.append(node("td", "", label), node("td", "", figure));
      return row;
    });
    part.querySelector(".worth").replaceChildren(...lines);
  }
}

const softplus = (value) => Math.max(value, 0) + Math.log1p(Math.exp(-Math.abs(value)));
const percent = (share) => `${(100 * share).toFixed(1)} %`;

// V(D, G) = E_p[log D] + E_q[log(1 - D)] of logits, V(D*, G), the accuracy and the largest possible one, E|D - D*| under (p + q)/2
function worth(logits, p, q) {
  const sums = { value: 0, best: 0, accuracy: 0, most: 0, apart: 0 };
  const [all, made] = [p, q].map((density) => density.reduce((sum, share) => sum + share, 0) || 1);
  for (let i = 0; i < logits.length; i += 1) {
    const [a, b, logit] = [p[i] / all, q[i] / made, logits[i]];
    sums.value -= a * softplus(-logit) + b * softplus(logit);
    sums.best += (a && a * Math.log(a / (a + b))) + (b && b * Math.log(b / (a + b)));
    sums.accuracy += (logit > 0 ? a : logit < 0 ? b : (a + b) / 2) / 2;
    sums.most += Math.max(a, b) / 2;
    sums.apart += (a + b && Math.abs(sigmoid(logit) - a / (a + b)) * (a + b)) / 2;
  }
  return sums;
}

// the mean length of the arrows at the generated points
function pulls({ logits, slopes }) {
  const sums = { saturating: 0, non_saturating: 0 };
  logits.forEach((logit, i) => {
    const length = Math.hypot(slopes[2 * i], slopes[2 * i + 1]) / logits.length;
    sums.saturating += sigmoid(logit) * length;
    sums.non_saturating += sigmoid(-logit) * length;
  });
  return sums;
}
