// Stores what was read in this browser, and prints. The page sends what is new; the answer contains everything.
const KEY = "ganscope-learn";
const DRAWN = ".st-key-lesson-figure .main-svg"; // the layers of figures
let shown = null; // the lesson of before

// A figure keeps its width on paper, where its column can be narrower, unless its layers say what they show
addEventListener("beforeprint", () => {
  for (const layer of document.querySelectorAll(DRAWN)) {
    layer.setAttribute("viewBox", `0 0 ${layer.getAttribute("width")} ${layer.getAttribute("height")}`);
  }
});
addEventListener("afterprint", () => {
  for (const layer of document.querySelectorAll(DRAWN)) layer.removeAttribute("viewBox");
});

export default function ({ data, parentElement, setStateValue }) {
  if (!data) return;
  const kept = data.forget ? [] : [...new Set([...stored(), ...data.add])].sort();
  store(kept);
  if (JSON.stringify(kept) !== JSON.stringify(data.known)) setStateValue("kept", kept);
  if (shown !== data.place) document.querySelector("[data-testid=stMain]")?.scrollTo(0, 0); // a lesson begins above
  shown = data.place;
  button(parentElement.querySelector(".progress"), data.print);
  loadEarly(data.script);
}

// The script that draws figures is large: it comes while the list or the text is read, not once a figure is there
function loadEarly(name) {
  const first = document.querySelector("script[type=module][src]");
  if (!name || !first) return;
  const later = window.requestIdleCallback ?? setTimeout;
  later(() => import(new URL(name, first.src).href).catch(() => {})); // else it comes with the first figure, as usual
}

function stored() {
  try {
    const found = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(found) ? found.filter((name) => typeof name === "string") : [];
  } catch {
    return []; // storage is switched off, or something else lies there
  }
}

function store(names) {
  try {
    localStorage.setItem(KEY, JSON.stringify(names));
  } catch {
    // it lasts for this visit alone
  }
}

function button(root, words) {
  root.replaceChildren();
  if (!words) return;
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = words;
  made.onclick = () => window.print();
  root.appendChild(made);
}
