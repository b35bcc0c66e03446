// The embedded Studio; on a phone, where embedding is impractical, a link to it.
export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".studio");
  if (root && data) (root.frame ??= new Frame(root)).update(data);
}

const PHONE = "(max-width: 640px)";

class Frame {
  constructor(root) {
    this.root = root;
    this.phone = matchMedia(PHONE);
    const turned = () => (root.isConnected ? this.fill() : this.phone.removeEventListener("change", turned));
    this.phone.addEventListener("change", turned);
  }

  update(data) {
    this.data = data;
    this.fill();
  }

  // keep an existing frame: a new address or position would reload it
  fill() {
    const { source, link, words } = this.data;
    const narrow = this.phone.matches;
    const filled = narrow ? `${link} ${words.open}` : source;
    if (this.filled === filled) return;
    this.filled = filled;
    this.root.replaceChildren(...(narrow ? door(link, words) : [frame(source, words.name)]));
  }
}

function frame(source, name) {
  const made = document.createElement("iframe");
  made.title = name;
  made.allow = "camera; clipboard-write; fullscreen";
  made.src = source;
  return made;
}

function door(link, words) {
  const why = document.createElement("p");
  why.textContent = words.why;
  const made = document.createElement("a");
  made.textContent = words.open;
  made.href = link;
  made.target = "_blank";
  made.rel = "noopener";
  return [made, why];
}
