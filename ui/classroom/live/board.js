
// The live view of a run: state, samples, texts, curves. All changes arrive in one message per poll.
export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".board");
  if (root && data) (root.board ??= new Board(root)).update(decode(data), setTriggerValue);
}

const CURVES = 1900; // minimum milliseconds between two renderings of the curves
const REST = 15; // minimum pause, as a multiple of the time for a poll and its rendering: they share the trainer's machine
const RESTED = 3000; // maximum milliseconds of this pause
const PATIENCE = 8000; // milliseconds after which an unanswered poll is repeated

class Board {
  constructor(root) {
    this.part = (name) => root.querySelector(`.${name}`);
    this.root = root;
    this.charts = new Charts(this.part("curves"));
    this.urls = {};
    this.questions = 0;
    this.asked = null;
    this.drawn = -Infinity;
    const seen = () => {
      if (!root.isConnected) document.removeEventListener("visibilitychange", seen);
      else if (this.resting && !document.hidden) this.poll();
    };
    document.addEventListener("visibilitychange", seen);
  }

  update(header, ask) {
    const { board } = header;
    this.ask = ask;
    this.root.classList.toggle("large", board.large);
    this.status(board);
    this.image("samples", header, board.samples, board.pixelated);
    this.image("pool", header, board.pool, board.pixelated);
    this.image("real", header, board.real, board.pixelated);
    this.text("samples-title", board.words.samples);
    this.text("samples-note", board.samples ? board.words.samplesNote : board.words.noSamples);
    this.text("pool-title", board.pool ? board.words.pool : "");
    this.text("pool-note", board.pool ? board.words.poolNote : "");
    this.text("real-title", board.real ? board.words.real : "");
    this.text("real-note", board.real ? board.words.realNote : "");
    this.text("advice-title", board.words.advice);
    this.list("advice", board.advice, (line) => node("p", "", line));
    if (header.panels) this.evidence = header;
    this.remedies = { title: board.words.remedies, locked: board.locked };
    this.list("remedies", [board.remedies], (remedies) => this.offer(remedies));
    this.findings(board.findings);
    if (header.panels) {
      this.text("curves-title", header.panels.length ? board.words.curves : "");
      this.text("curves-note", header.panels.length ? board.words.curvesNote : "");
      this.charts.update(header);
      this.version = board.version;
      this.drawn = performance.now();
    }
    const took = this.asked == null ? 0 : performance.now() - this.asked; // null: the page was rendered without a poll
    this.asked = null;
    this.wait(board.every && Math.max(board.every * 1000, Math.min(RESTED, REST * took)));
  }

  wait(milliseconds) {
    clearTimeout(this.timer);
    this.resting = false;
    if (milliseconds) this.timer = setTimeout(() => this.poll(), milliseconds);
  }

  // polls for updates and sends what it already has; a hidden page waits until it is visible
  poll() {
    if (!this.root.isConnected) return;
    if (document.hidden) {
      this.resting = true;
      return;
    }
    const early = performance.now() - this.drawn < CURVES || !this.charts.inView();
    this.questions += 1;
    this.asked = performance.now();
    this.ask("poll", {
      question: this.questions,
      samples: this.urls.samples?.version ?? null,
      pool: this.urls.pool?.version ?? null,
      real: this.urls.real?.version ?? null,
      curves: this.version != null && early ? "later" : (this.version ?? null),
    });
    this.wait(PATIENCE);
  }

  status(board) {
    const badge = this.part("badge");
    badge.textContent = board.state.word;
    badge.dataset.state = board.state.name;
    this.text("step", board.step);
    this.text("planned", board.planned);
    this.part("bar").style.width = `${(100 * board.share).toFixed(2)}%`;
    this.part("track").style.visibility = board.planned ? "visible" : "hidden";
    this.list("facts", board.facts, ([label, value]) => {
      const fact = node("div", "fact");
      fact.append(node("span", "label", label), node("span", "number", value));
      return fact;
    });
    const notice = this.part("notice");
    notice.textContent = board.notice;
    notice.style.display = board.notice ? "block" : "none";
  }

  // recreate the elements of a list only when it changes
  list(name, items, make) {
    const wanted = JSON.stringify(items);
    const part = this.part(name);
    if (part.wanted === wanted) return;
    part.wanted = wanted;
    part.replaceChildren(...items.map(make));
  }

  // a card stays as long as its finding, so that its chart is drawn in place
  findings(list) {
    this.cards ??= new Map();
    const kinds = new Set(list.map((finding) => finding.kind));
    for (const [kind, card] of this.cards) {
      if (kinds.has(kind)) continue;
      card.element.remove();
      this.cards.delete(kind);
    }
    list.forEach((finding, place) => {
      if (!this.cards.has(finding.kind)) this.cards.set(finding.kind, new Card());
      const card = this.cards.get(finding.kind);
      const part = this.part("findings");
      if (part.children[place] !== card.element) part.insertBefore(card.element, part.children[place] ?? null);
      card.update(finding, this);
    });
  }

  // a button per remedy; the page shows its effect before applying it
  offer(list, back = "") {
    const part = node("div", "offer");
    if (!list.length && !back) return part;
    if (list.length) part.append(node("span", "offered", this.remedies.title));
    for (const remedy of list) {
      const button = node("button", "remedy-button", remedy.label);
      button.type = "button";
      button.disabled = Boolean(this.remedies.locked);
      button.title = this.remedies.locked;
      button.dataset.remedy = remedy.name;
      button.addEventListener("click", () => this.ask("remedy", remedy.name));
      part.append(button);
    }
    if (back) part.append(this.backwards(back));
    return part;
  }

  backwards({ label, tip, kind }) {
    const button = node("button", "remedy-button back", `↩ ${label}`);
    button.type = "button";
    button.disabled = Boolean(this.remedies.locked);
    button.title = this.remedies.locked || tip;
    button.dataset.back = kind;
    button.addEventListener("click", () => this.ask("back", kind));
    return button;
  }

  image(name, header, place, pixelated) {
    const image = this.part(name);
    image.style.display = place ? "block" : "none";
    if (!place || place.bytes == null || this.urls[name]?.version === place.version) return;
    const url = URL.createObjectURL(new Blob([header.blob(place.offset, place.bytes)], { type: place.type }));
    const old = this.urls[name]?.url;
    this.urls[name] = { url, version: place.version };
    image.style.imageRendering = pixelated ? "pixelated" : "auto";
    image.alt = place.alt;
    image.src = url;
    if (old) setTimeout(() => URL.revokeObjectURL(old), 2000);
  }

  text(name, content) {
    const element = this.part(name);
    if (element.textContent !== content) element.textContent = content;
    element.style.display = content ? "" : "none";
  }
}

class Card {
  constructor() {
    this.element = node("div", "finding");
    this.words = node("div");
    this.chart = node("div", "evidence curves");
    this.offer = node("div");
    this.element.append(this.words, this.chart, this.offer);
  }

  update(finding, board) {
    const { level, since, what, cause, remedy, remedies, back } = finding;
    this.element.dataset.level = level;
    const said = JSON.stringify([since, what, cause, remedy]);
    if (said !== this.said) {
      this.said = said;
      this.words.replaceChildren(node("b", "", what));
      if (since) this.words.append(node("span", "since", since));
      if (cause) this.words.append(node("p", "", cause));
      if (remedy) this.words.append(node("p", "remedy", remedy));
    }
    const offered = JSON.stringify([remedies, back, board.remedies]);
    if (offered !== this.offered) {
      this.offered = offered;
      this.offer.replaceChildren(board.offer(remedies, back));
    }
    this.draw(finding.kind, board.evidence);
  }

  // what the finding was read from, with its threshold
  draw(kind, header) {
    const panel = header?.evidence?.[kind];
    this.chart.style.display = panel ? "" : "none";
    if (!panel || this.drawn === header) return;
    this.drawn = header;
    this.charts ??= new Charts(this.chart, true);
    this.charts.update({ ...header, large: false, panels: [panel] });
  }
}
