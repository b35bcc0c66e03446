
// The live view of a run: state, samples, words, curves. Everything that changes comes in one message a poll.
export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".board");
  if (root && data) (root.board ??= new Board(root)).update(decode(data));
}

class Board {
  constructor(root) {
    this.part = (name) => root.querySelector(`.${name}`);
    this.root = root;
    this.charts = new Charts(this.part("curves"));
    this.urls = {};
  }

  update(header) {
    const { board } = header;
    this.root.classList.toggle("large", Boolean(header.large));
    this.status(board);
    this.image("samples", header, board.samples, board.pixelated);
    this.image("real", header, board.real, board.pixelated);
    this.text("samples-title", board.words.samples);
    this.text("samples-note", board.samples ? board.words.samplesNote : board.words.noSamples);
    this.text("real-title", board.real ? board.words.real : "");
    this.text("real-note", board.real ? board.words.realNote : "");
    this.text("advice-title", board.words.advice);
    this.part("advice").replaceChildren(...board.advice.map((line) => node("p", "", line)));
    this.findings(board.findings);
    this.text("curves-title", header.panels.length ? board.words.curves : "");
    this.text("curves-note", header.panels.length ? board.words.curvesNote : "");
    this.charts.update(header);
  }

  status(board) {
    const badge = this.part("badge");
    badge.textContent = board.state.word;
    badge.dataset.state = board.state.name;
    this.text("step", board.step);
    this.text("planned", board.planned);
    this.part("bar").style.width = `${(100 * board.share).toFixed(2)}%`;
    this.part("track").style.visibility = board.planned ? "visible" : "hidden";
    this.part("facts").replaceChildren(
      ...board.facts.map(([label, value]) => {
        const fact = node("div", "fact");
        fact.append(node("span", "label", label), node("span", "number", value));
        return fact;
      }),
    );
    const notice = this.part("notice");
    notice.textContent = board.notice;
    notice.style.display = board.notice ? "block" : "none";
  }

  findings(list) {
    const wanted = JSON.stringify(list);
    if (wanted === this.found) return;
    this.found = wanted;
    this.part("findings").replaceChildren(
      ...list.map((finding) => {
        const card = node("div", "finding");
        card.dataset.level = finding.level;
        card.append(node("b", "", finding.what));
        if (finding.cause) card.append(node("p", "", finding.cause));
        if (finding.remedy) card.append(node("p", "remedy", finding.remedy));
        return card;
      }),
    );
  }

  image(name, header, place, pixelated) {
    const image = this.part(name);
    image.style.display = place ? "block" : "none";
    if (!place || this.urls[name]?.version === place.version) return;
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
