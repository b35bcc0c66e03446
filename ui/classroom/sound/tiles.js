// A grid of spectrograms that play on click. One sound at a time, followed by a needle.
export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".tiles");
  if (root && data) (root.player ??= new Player(root)).show(data, setTriggerValue);
}

class Player {
  constructor(root) {
    this.root = root;
    this.audio = new Audio();
    this.audio.addEventListener("ended", () => this.stop());
  }

  show(data, tell) {
    this.tell = tell;
    this.root.classList.toggle("few", data.tiles.length < 6);
    if (this.version !== data.version) {
      this.version = data.version;
      this.stop();
      this.root.replaceChildren(...data.tiles.map((tile, place) => this.tile(tile, place, data)));
    }
    [...this.root.children].forEach((tile, place) => tile.classList.toggle("chosen", place === data.chosen));
  }

  tile(tile, place, data) {
    const button = document.createElement("button");
    button.type = "button";
    button.setAttribute("aria-label", `${data.play} ${tile.label} ${tile.note}`);
    const seen = document.createElement("span");
    seen.className = "seen";
    const image = document.createElement("img");
    image.src = tile.picture;
    image.alt = "";
    const needle = document.createElement("span");
    needle.className = "needle";
    seen.append(image, needle);
    const label = document.createElement("span");
    label.className = "label";
    const note = document.createElement("span");
    const same = tile.note === tile.label;
    note.className = same ? "note" : "note other";
    note.textContent = same ? "✓" : tile.note;
    label.append(tile.label, note);
    button.append(seen, label);
    button.addEventListener("click", () => this.toggle(button, tile, place, data.select));
    return button;
  }

  toggle(button, tile, place, select) {
    const again = this.button === button;
    this.stop();
    if (again) return;
    this.button = button;
    this.audio.src = tile.sound;
    this.audio.play().then(() => this.follow(), () => this.stop()); // refused where the browser has no sound
    button.classList.add("playing");
    if (select) this.tell("chosen", place);
  }

  follow() {
    if (!this.button || !this.root.isConnected) return this.stop();
    const { currentTime, duration } = this.audio;
    this.button.querySelector(".needle").style.left = `${(100 * currentTime) / (duration || 1)}%`;
    requestAnimationFrame(() => this.follow());
  }

  stop() {
    this.audio.pause();
    this.button?.classList.remove("playing");
    this.button = null;
  }
}
