// The probe: a place of the plane, or one real or generated point that the visitor moves, and what D says there.
const NEAR = 10; // pixels around a point in which a press takes it
const KERNEL = 4; // cells to which a point's mass is smoothed, in each direction

class Probe extends Scene {
  constructor() {
    super();
    this.spot = null; // the place that is read
    this.held = null; // the point that was taken: its kind, its index, and where it was
  }

  listen() {
    const { canvas } = this;
    canvas.addEventListener("pointerdown", (event) => this.pressed(event));
    canvas.addEventListener("pointermove", (event) => this.dragged(event));
    for (const type of ["pointerup", "pointercancel"]) canvas.addEventListener(type, () => (this.drag = null));
    canvas.addEventListener("keydown", (event) => this.typed(event));
    // a finger on something that can be moved doesn't scroll the page
    const stays = (event) => event.touches.length === 1 && this.taken(event.touches[0]) && event.preventDefault();
    canvas.addEventListener("touchstart", stays, { passive: false });
  }

  place(event) {
    const box = this.canvas.getBoundingClientRect();
    const { half } = this.plot;
    return [((2 * (event.clientX - box.left)) / box.width - 1) * half, (1 - (2 * (event.clientY - box.top)) / box.height) * half].map((value) => this.within(value));
  }

  within(value) {
    const { half } = this.plot;
    return Math.max(-half, Math.min(half, value));
  }

  // what lies under the pointer and can be moved: a handle of the hand's D, the probe, a point
  taken(event) {
    const at = this.place(event);
    const far = ([x, y]) => Math.hypot(this.px(x) - this.px(at[0]), this.py(y) - this.py(at[1]));
    const handle = this.hand.handle(far);
    if (handle) return { handle };
    if (this.spot && far(this.spot) < NEAR + 4) return { spot: true };
    return this.nearest(at, far);
  }

  nearest(at, far, within = NEAR, kinds = ["fake", "real"].filter((kind) => this.show.has(kind))) {
    let [found, least] = [null, within];
    for (const kind of kinds) {
      const points = this.pointsOf(kind);
      for (let i = 0; points && i < points.length; i += 2) {
        const distance = far([points[i], points[i + 1]]);
        if (distance < least) [found, least] = [{ kind, index: i / 2 }, distance];
      }
    }
    return found;
  }

  pointsOf(kind) {
    return kind === "fake" ? this.frame?.points : this.known?.points;
  }

  pressed(event) {
    const found = this.taken(event);
    this.drag = found ?? { spot: true };
    this.canvas.setPointerCapture?.(event.pointerId);
    if (found?.kind) this.hold(found);
    else if (!found) {
      this.held = null;
      this.spot = this.place(event);
    }
    this.draw();
  }

  dragged(event) {
    if (!this.drag) return;
    if (this.drag.handle) this.hand.move(this.drag.handle, this.place(event));
    else this.spot = this.place(event);
    this.draw();
  }

  hold({ kind, index }) {
    const points = this.pointsOf(kind);
    this.held = { kind, index, from: [points[2 * index], points[2 * index + 1]] };
    this.spot = [...this.held.from];
  }

  // the nearest point to the mark, or to the middle: for those who don't press in the plane
  takeNearest(kind) {
    const [x, y] = this.spot ?? [0, 0];
    const found = this.nearest([x, y], ([px, py]) => Math.hypot(px - x, py - y), Infinity, [kind]);
    if (found) this.hold(found);
    this.draw();
    this.canvas.focus();
  }

  release() {
    this.held = null;
    this.spot = null;
    this.draw();
  }

  isHeld(kind, index) {
    return this.held !== null && this.held.kind === kind && this.held.index === index;
  }

  typed(event) {
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    if (event.key === "Escape") {
      this.spot = null;
      this.held = null;
    } else if (moves[event.key]) {
      const pace = (this.plot.half / this.plot.side) * (event.shiftKey ? 6 : 1);
      this.spot = this.spot ? this.spot.map((value, axis) => this.within(value + pace * moves[event.key][axis])) : [0, 0];
    } else return;
    event.preventDefault();
    this.draw();
  }

  // both densities as they are drawn and read: a point that was moved takes its share of the mass with it
  weigh() {
    this.p = this.known?.cells;
    this.q = this.frame.density;
    if (!this.held || !this.p) return;
    const { kind } = this.held;
    const density = Float32Array.from(kind === "fake" ? this.q : this.p);
    const share = 2 / this.pointsOf(kind).length;
    this.spread(density, this.held.from, -share);
    this.spread(density, this.spot, share);
    if (kind === "fake") this.q = density;
    else this.p = density;
  }

  // adds one point's mass, smoothed by a Gaussian of one cell as the densities are
  spread(density, [x, y], share) {
    const { half, side } = this.plot;
    const cell = (value) => Math.max(0, Math.min(side - 1, Math.floor(((value / half + 1) / 2) * side)));
    const [column, row] = [cell(x), cell(y)];
    const around = [];
    for (let dy = -KERNEL; dy <= KERNEL; dy += 1) {
      for (let dx = -KERNEL; dx <= KERNEL; dx += 1) {
        if (row + dy >= 0 && row + dy < side && column + dx >= 0 && column + dx < side) around.push([(row + dy) * side + column + dx, Math.exp(-0.5 * (dx * dx + dy * dy))]);
      }
    }
    const total = around.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [place, weight] of around) density[place] = Math.max(0, density[place] + (share * weight) / total);
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

  // D's logit and its gradient: exact for a D that is moved by hand, else read between the cells
  logitAt([x, y]) {
    if (this.hand.on) return [this.hand.logit(x, y), this.hand.slope(x, y)];
    const { half, side } = this.plot;
    const width = half / side;
    const { field } = this.frame;
    return [
      this.between(field, [x, y]),
      [
        (this.between(field, [x + width, y]) - this.between(field, [x - width, y])) / (2 * width),
        (this.between(field, [x, y + width]) - this.between(field, [x, y - width])) / (2 * width),
      ],
    ];
  }

  reading() {
    const [logit, slope] = this.logitAt(this.spot);
    const belief = sigmoid(logit);
    const p = this.p ? this.between(this.p, this.spot) : NaN;
    const q = this.between(this.q, this.spot);
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
    pen.arc(x, y, this.held ? 9 : 6, 0, 7);
    for (const [dx, dy] of this.held ? [] : [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
      pen.moveTo(x + 6 * dx, y + 6 * dy);
      pen.lineTo(x + 12 * dx, y + 12 * dy);
    }
    pen.stroke();
  }

  // the point being moved, and its path so far
  drawHeld(pen, ink) {
    if (!this.held || !this.frame) return;
    const [from, to] = [this.held.from, this.spot].map(([x, y]) => [this.px(x), this.py(y)]);
    pen.strokeStyle = ink.probe;
    pen.lineWidth = 1.2;
    pen.setLineDash([4, 4]);
    pen.beginPath();
    pen.moveTo(...from);
    pen.lineTo(...to);
    pen.stroke();
    pen.setLineDash([]);
    pen.fillStyle = ink[this.held.kind];
    pen.beginPath();
    pen.arc(...to, 4.5, 0, 7);
    pen.fill();
  }

  readProbe() {
    const part = this.part("probe");
    if (!this.spot || !this.frame) {
      if (part.dataset.state !== "empty" && this.frame) part.replaceChildren(node("span", "", this.words.probe), this.takers());
      if (this.frame) part.dataset.state = "empty";
      return;
    }
    const state = this.held ? `${this.held.kind} ${this.held.index}` : "place";
    if (part.dataset.state !== state) {
      part.replaceChildren(...(this.held ? [node("b", "", this.heldWords())] : []), node("table"), node("p", "note", this.note()), this.takers());
      part.dataset.state = state;
    }
    const rows = this.rows().map(([label, figure]) => {
      const row = node("tr");
      row.append(node("td", "", label), node("td", "", figure));
      return row;
    });
    part.querySelector("table").replaceChildren(...rows);
  }

  heldWords() {
    const { words } = this;
    return (this.held.kind === "fake" ? words.heldFake : words.heldReal).replace("{number}", this.held.index + 1);
  }

  note() {
    const { words } = this;
    const parts = this.hand.on ? [words.readExactly] : [words.read];
    if (this.held) parts.push(words.counts.replace("{count}", this.pointsOf(this.held.kind).length / 2));
    return parts.join(" ");
  }

  rows() {
    const { words } = this;
    const read = this.reading();
    const pair = ([x, y]) => `(${near(x)}, ${near(y)}) |${near(Math.hypot(x, y))}|`;
    const probability = this.hand.on || this.plot.reads === "probability";
    const value = probability ? read.belief : read.logit;
    const rows = [
      [words.place, `(${near(this.spot[0])}, ${near(this.spot[1])})`],
      [probability ? "D" : words.score, near(value)],
      ["D* = p / (p + q)", near(read.best)],
    ];
    if (probability || this.plot.reads !== "score") rows.push(["D − D*", near(value - read.best)]);
    rows.push([`−∇ ${words.saturating}`, pair(read.saturating)], [`−∇ ${words.non_saturating}`, pair(read.non_saturating)]);
    return rows;
  }

  // for a keyboard, and to put a point back
  takers() {
    const row = node("div", "takers");
    const button = (label, action) => {
      const made = node("button", "", label);
      made.type = "button";
      made.addEventListener("click", action);
      row.append(made);
    };
    const { words } = this;
    button(words.takeFake, () => this.takeNearest("fake"));
    button(words.takeReal, () => this.takeNearest("real"));
    if (this.held) button(words.putBack, () => this.release());
    return row;
  }
}

const near = (value) => (!Number.isFinite(value) ? "–" : Math.abs(value) < 5e-4 ? "0.000" : precise(+value.toPrecision(3)));
