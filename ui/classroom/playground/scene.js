// The layers of the plane, drawn on one canvas. What doesn't move from frame to frame is drawn once and copied.
const TRAILS = 30; // points that have one
const ARROWS = 160; // points that have an arrow
const UNIT = 0.16; // length of a gradient of 1, as a share of half the plane
const NOTHING = 2e-6; // probability in a cell below which there is neither data nor samples
const LONGEST = 0.42; // arrows longer than this share are cut, and end in a bar

const HEAT = { light: [[232, 139, 62], [250, 247, 240], [92, 146, 220]], dark: [[170, 88, 22], [32, 34, 42], [45, 98, 178]] };
const REST_OF = { light: [[150, 95, 170], [250, 247, 240], [70, 155, 92]], dark: [[122, 72, 146], [32, 34, 42], [44, 122, 66]] };
const INK = {
  light: { paper: "#fbf9f4", real: "#1d4f91", fake: "#b4460b", rim: "#ffffff", line: "#23262f", grid: "#4b3aa8", saturating: "#5b2a86", non_saturating: "#00695c", own: "#23262f", probe: "#c2185b" },
  dark: { paper: "#1b1d24", real: "#9cc4ff", fake: "#ffb27a", rim: "#15161b", line: "#f2efe8", grid: "#b9aeff", saturating: "#d9a5ff", non_saturating: "#5fe0cf", own: "#f2efe8", probe: "#ff7eb3" },
};

const sigmoid = (value) => 1 / (1 + Math.exp(-value));

class Scene {
  ink() {
    return INK[this.dark ? "dark" : "light"];
  }

  // D as the loss reads it: a probability, the plain output, or a score on the scale of this frame
  get reads() {
    return this.hand.on ? "probability" : this.plot.reads;
  }

  value(logit) {
    if (this.reads === "probability") return sigmoid(logit);
    if (this.reads === "plain") return Math.min(1, Math.max(0, logit));
    const [low, high] = this.range;
    return (logit - low) / (high - low || 1);
  }

  arrows() {
    const { words } = this;
    if (this.show.has("own") && !this.hand.on) return { own: words.own };
    if (this.show.has("saturating")) return { saturating: words.saturating };
    if (this.show.has("non_saturating")) return { non_saturating: words.non_saturating };
    if (this.show.has("both") || this.show.has("own")) return { saturating: words.saturating, non_saturating: words.non_saturating };
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
    if (this.show.has("rest") && frame && known && this.reads !== "score") {
      return { palette: REST_OF[shade], ends: [`−1 ${words.tooLow}`, `+1 ${words.tooHigh}`], at: (i) => (1 + this.value(frame.field[i]) - this.best(i)) / 2, alpha: (i) => this.mass(i) };
    }
    return null;
  }

  ends() {
    const { words } = this;
    if (this.reads !== "score") return [`0 ${words.looksFake}`, `1 ${words.looksReal}`];
    return this.range ? this.range.map((value) => precise(value)) : ["", ""];
  }

  best(i) {
    const [p, q] = [this.p[i], this.q[i]];
    return p + q > 0 ? p / (p + q) : 0.5;
  }

  mass(i) {
    return Math.min(1, (this.p[i] + this.q[i]) / (40 * NOTHING));
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
    if (frame) this.weigh();
    if (frame) {
      let [low, high] = [Infinity, -Infinity];
      for (const value of frame.field) {
        if (value < low) low = value;
        if (value > high) high = value;
      }
      this.range = [low, high];
    }
    this.drawHeat(pen);
    this.drawBackdrop(pen, ink, ratio);
    if (frame && this.show.has("line")) this.drawLine(pen, ink);
    if (frame && this.show.has("warp")) this.drawWarp(pen, ink);
    if (frame && this.show.has("trails")) this.drawTrails(pen, ink);
    if (frame && this.show.has("fake")) this.drawDiamonds(pen, frame.points, ink, ratio);
    if (frame) for (const name of Object.keys(this.arrows())) this.drawArrows(pen, frame, name, ink);
    this.drawHeld(pen, ink);
    this.hand.drawHandles(pen, ink);
    if (this.spot) this.drawProbe(pen, ink);
    this.readProbe();
    if (this.reads === "score") this.keys();
    if (this.hand.on && frame) this.hand.show();
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
    const colours = shades(heat.palette);
    for (let row = 0; row < side; row += 1) {
      for (let column = 0; column < side; column += 1) {
        const from = row * side + column;
        const to = 4 * ((side - 1 - row) * side + column); // y grows upwards
        const colour = 3 * Math.round(255 * Math.min(1, Math.max(0, heat.at(from))));
        for (let channel = 0; channel < 3; channel += 1) image.data[to + channel] = colours[colour + channel];
        image.data[to + 3] = 255 * (heat.alpha ? heat.alpha(from) : 1);
      }
    }
    sheet.putImageData(image, 0, 0);
    pen.imageSmoothingEnabled = true;
    pen.drawImage(this.sheet, 0, 0, this.size, this.size);
  }

  // the axes and the data stay as they are: they are drawn once for a size, a theme and a set of points
  drawBackdrop(pen, ink, ratio) {
    const real = this.known && this.show.has("real");
    const wanted = [this.canvas.width, this.dark, this.run, real, this.held?.kind === "real" && this.held.index].join();
    if (this.backdropIs !== wanted) {
      this.backdropIs = wanted;
      this.backdrop ??= document.createElement("canvas");
      this.backdrop.width = this.backdrop.height = this.canvas.width;
      const back = this.backdrop.getContext("2d");
      back.setTransform(ratio, 0, 0, ratio, 0, 0);
      this.drawAxes(back, ink);
      if (real) this.drawDots(back, this.known.points, ink.real, 1.5);
    }
    pen.drawImage(this.backdrop, 0, 0, this.size, this.size);
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
      if (this.isHeld("real", i / 2)) continue;
      pen.beginPath();
      pen.arc(this.px(points[i]), this.py(points[i + 1]), radius, 0, 7);
      pen.fill();
    }
    pen.globalAlpha = 1;
  }

  // copies of one small picture, at whole pixels: a third of the time that as many paths take
  drawDiamonds(pen, points, ink, ratio) {
    const r = this.size < 420 ? 3 : 3.6;
    const side = Math.ceil(2 * (r + 1) * ratio);
    const wanted = [side, ink.fake].join();
    if (this.spriteIs !== wanted) {
      this.spriteIs = wanted;
      this.sprite = diamond(side, r * ratio, ratio, ink);
    }
    const at = (place) => Math.round(place * ratio - side / 2) / ratio;
    for (let i = 0; i < points.length; i += 2) {
      if (!this.isHeld("fake", i / 2)) pen.drawImage(this.sprite, at(this.px(points[i])), at(this.py(points[i + 1])), side / ratio, side / ratio);
    }
  }

  // where D is undecided: between neighbouring cells of which one is above the threshold and one below
  drawLine(pen, ink) {
    const { side } = this.plot;
    const threshold = this.hand.on ? 0 : this.plot.threshold;
    if (threshold == null) return;
    const { field } = this.frame;
    const place = (cell) => ((cell + 0.5) / side) * this.size;
    pen.beginPath();
    for (let row = 0; row < side - 1; row += 1) {
      for (let column = 0; column < side - 1; column += 1) {
        const at = row * side + column;
        const above = field[at] > threshold;
        if (above === field[at + 1] > threshold && above === field[at + side] > threshold && above === field[at + side + 1] > threshold) continue;
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
    pen.lineCap = "butt";
    pen.strokeStyle = ink.rim;
    pen.lineWidth = 4.5;
    pen.stroke();
    pen.lineCap = "round";
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
        if (this.isHeld("fake", i)) continue;
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
    for (let i = 0; i < ARROWS; i += 1) if (!this.isHeld("fake", i)) this.arrow(pen, frame.points[2 * i], frame.points[2 * i + 1], this.pull(frame, i, kind));
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
}

// 256 colours between the three of a palette
const SHADES = new Map();
function shades(palette) {
  if (!SHADES.has(palette)) {
    const [low, middle, high] = palette;
    const found = new Uint8ClampedArray(3 * 256);
    for (let i = 0; i < 256; i += 1) {
      const [one, other, share] = i < 128 ? [low, middle, i / 127.5] : [middle, high, i / 127.5 - 1];
      for (let channel = 0; channel < 3; channel += 1) found[3 * i + channel] = one[channel] + share * (other[channel] - one[channel]);
    }
    SHADES.set(palette, found);
  }
  return SHADES.get(palette);
}

function diamond(side, r, ratio, ink) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = side;
  const pen = canvas.getContext("2d");
  const middle = side / 2;
  pen.fillStyle = ink.fake;
  pen.strokeStyle = ink.rim;
  pen.lineWidth = 0.8 * ratio;
  pen.beginPath();
  for (const [dx, dy] of [[0, -r], [r, 0], [0, r], [-r, 0]]) pen.lineTo(middle + dx, middle + dy);
  pen.closePath();
  pen.fill();
  pen.stroke();
  return canvas;
}
