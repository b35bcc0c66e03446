// Points drawn with a mouse, pen or finger: a stroke leaves points at equal distances.
export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".drawing");
  if (root && data) (root.drawing ??= new Drawing(root)).update(data, setTriggerValue);
}

const APART = 0.11; // units between the points of a stroke

class Drawing {
  constructor(root) {
    this.root = root;
    this.part = (name) => root.querySelector(`.${name}`);
    this.canvas = this.part("paper");
    this.strokes = [];
    this.canvas.addEventListener("pointerdown", (event) => {
      if (this.total() >= this.data.most) return;
      this.canvas.setPointerCapture(event.pointerId);
      this.strokes.push([]);
      this.down = true;
      this.add(event);
    });
    this.canvas.addEventListener("pointermove", (event) => {
      if (!this.down) return;
      for (const one of event.getCoalescedEvents?.() ?? [event]) this.add(one);
    });
    for (const type of ["pointerup", "pointercancel"]) this.canvas.addEventListener(type, () => (this.down = false));
    this.part("undo").addEventListener("click", () => this.change(() => this.strokes.pop()));
    this.part("erase").addEventListener("click", () => this.change(() => (this.strokes = [])));
    this.part("use").addEventListener("click", () => this.ask("points", this.strokes.flat()));
    new ResizeObserver(() => this.draw()).observe(this.canvas);
  }

  update(data, ask) {
    if (!this.data && data.points.length) this.strokes = [data.points];
    this.data = data;
    this.ask = ask;
    for (const name of ["use", "undo", "erase"]) this.part(name).textContent = data.words[name];
    this.part("hint").textContent = data.words.hint;
    this.canvas.ariaLabel = data.words.paper;
    this.draw();
  }

  total() {
    return this.strokes.reduce((sum, stroke) => sum + stroke.length, 0);
  }

  change(action) {
    action();
    this.draw();
  }

  add(event) {
    const box = this.canvas.getBoundingClientRect();
    const { reach } = this.data;
    const clamp = (value) => Math.max(-reach, Math.min(reach, value));
    const to = [clamp(((2 * (event.clientX - box.left)) / box.width - 1) * reach), clamp((1 - (2 * (event.clientY - box.top)) / box.height) * reach)];
    const stroke = this.strokes[this.strokes.length - 1];
    let from = stroke[stroke.length - 1];
    if (!from) stroke.push(to);
    else {
      let far = Math.hypot(to[0] - from[0], to[1] - from[1]);
      while (far >= APART && this.total() < this.data.most) {
        from = from.map((value, axis) => value + (APART / far) * (to[axis] - value));
        stroke.push(from);
        far = Math.hypot(to[0] - from[0], to[1] - from[1]);
      }
    }
    this.draw();
  }

  draw() {
    if (!this.data) return;
    const { canvas } = this;
    const size = canvas.clientWidth;
    const ratio = window.devicePixelRatio || 1;
    canvas.width = canvas.height = Math.round(size * ratio);
    const pen = canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    const colour = getComputedStyle(this.root).color;
    pen.strokeStyle = colour;
    pen.globalAlpha = 0.15;
    pen.beginPath();
    for (let i = 1; i < 6; i += 1) {
      pen.moveTo((i * size) / 6, 0);
      pen.lineTo((i * size) / 6, size);
      pen.moveTo(0, (i * size) / 6);
      pen.lineTo(size, (i * size) / 6);
    }
    pen.stroke();
    pen.globalAlpha = 1;
    pen.fillStyle = colour;
    for (const [x, y] of this.strokes.flat()) {
      pen.beginPath();
      pen.arc(((x / this.data.reach + 1) / 2) * size, ((1 - y / this.data.reach) / 2) * size, 3, 0, 7);
      pen.fill();
    }
    const total = this.total();
    this.part("count").textContent = this.data.words.count.replace("{count}", total).replace("{most}", this.data.most);
    this.part("use").disabled = total < 2;
    this.part("undo").disabled = this.part("erase").disabled = !total;
  }
}
