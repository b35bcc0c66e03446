// The page: a generator with sliders, run by onnxruntime on one thread of WebAssembly. A link holds seed and sliders.

import * as ort from "./ort.wasm.bundle.min.mjs";
import { latent } from "./random.js";

const REACH = 4; // units of a slider to each side; one is a standard deviation
const OTHERS = 16; // further pictures below
const SAVED = 512; // pixels of a picture that is saved
const MOST_SEED = 2 ** 31 - 1;

const at = (id) => document.getElementById(id);
const link = new URLSearchParams(location.search);
const state = { seed: 0, label: 0, strengths: [], first: 1, language: "en" };
let facts, words, session;
let drawing = false, wanted = false;

// --- words -----------------------------------------------------------------------------------------------------------

const say = (key, values = {}) =>
  words.page[key][state.language].replace(/\{(\w+)\}/g, (_, name) => values[name]);

/** A name that the model has in the page's language; as it is where nobody has translated it. */
const named = (name) => (state.language === "en" ? name : (words.names[name] ?? name));

function directionWords(name) {
  const [attribute, value] = name.split(": ");
  const one = words.attributes[attribute]?.[state.language];
  const other = words.values[value]?.[state.language];
  if (one && other) return say("direction", { attribute: one, value: other });
  const [, number] = /^PCA (\d+)$/.exec(name) ?? [];
  return number ? say("component", { number }) : name;
}

function tell() {
  document.documentElement.lang = state.language === "zh" ? "zh-CN" : "en";
  for (const button of document.querySelectorAll("[data-language]")) {
    button.setAttribute("aria-pressed", String(button.dataset.language === state.language));
  }
  const title = named(facts.title);
  document.title = `${title} · GANscope`;
  at("title").textContent = title;
  const plain = { lead: "lead", new: "new", "seed-label": "seed", "class-label": "class", reset: "reset", save: "save",
    "more-title": "others", more: "more" };
  for (const [id, key] of Object.entries(plain)) at(id).textContent = say(key);
  at("picture").setAttribute("aria-label", say("alt", { seed: state.seed }));
  for (const label of document.querySelectorAll("[data-direction]")) {
    label.textContent = directionWords(label.dataset.direction);
  }
  [...at("class").options].forEach((option) => (option.textContent = named(facts.classes[option.value])));
  const lines = [
    say("model", { recipe: facts.recipe_title, name: facts.name, megabytes: (facts.bytes / 1e6).toFixed(1) }),
    say("limits", { limits: named(facts.limits) }),
    say("licence", { licence: named(facts.licence) }),
    say("runtime", { runtime: facts.runtime }),
  ];
  at("facts").replaceChildren(...lines.map((line) => Object.assign(document.createElement("div"), { textContent: line })));
}

function fail(key, values = {}) {
  at("state").textContent = words ? say(key, values) : "This page's files can't be loaded. 无法加载此页面的文件。";
  at("state").className = "failed";
}

// --- drawing ---------------------------------------------------------------------------------------------------------

/** A picture of a seed as ImageData. */
async function picture(seed, strengths) {
  const inputs = {
    z: new ort.Tensor("float32", latent(seed, facts.latent_size), [1, facts.latent_size]),
    strengths: new ort.Tensor("float32", Float32Array.from(strengths), [1, strengths.length]),
  };
  if (facts.classes.length) inputs.class = new ort.Tensor("int64", BigInt64Array.of(BigInt(state.label)), [1]);
  if (facts.truncation !== null) inputs.truncation = new ort.Tensor("float32", Float32Array.of(facts.truncation), []);
  const { data, dims } = (await session.run(inputs)).picture; // (1, H, W, C) of 8 bits
  const [, height, width, channels] = dims;
  const image = new ImageData(width, height);
  for (let pixel = 0; pixel < width * height; pixel++) {
    for (let colour = 0; colour < 3; colour++) {
      image.data[4 * pixel + colour] = data[channels * pixel + (channels === 1 ? 0 : colour)];
    }
    image.data[4 * pixel + 3] = 255;
  }
  return image;
}

function put(canvas, image) {
  canvas.width = image.width;
  canvas.height = image.height;
  canvas.getContext("2d").putImageData(image, 0, 0);
}

/** Draws what the controls say; of several moves that came meanwhile the last. */
async function draw() {
  wanted = true;
  if (drawing) return;
  drawing = true;
  try {
    while (wanted) {
      wanted = false;
      const began = performance.now();
      const image = await picture(state.seed, state.strengths);
      put(at("picture"), image);
      const took = performance.now() - began;
      at("picture").dataset.milliseconds = took; // for measurements: benchmarks/demo.py
      at("state").textContent = say("took", { milliseconds: Math.max(1, Math.round(took)) });
      await new Promise(requestAnimationFrame);
    }
  } catch (error) {
    console.error(error);
    fail("broken");
  } finally {
    drawing = false;
  }
  remember();
}

async function others() {
  const first = state.first, label = state.label;
  for (let place = 0; place < OTHERS; place++) {
    const image = await picture(first + place, state.strengths.map(() => 0));
    if (first !== state.first || label !== state.label) return;
    const button = at("others").children[place];
    put(button.firstChild, image);
    button.dataset.seed = first + place;
    button.setAttribute("aria-label", say("alt", { seed: first + place }));
    await new Promise((done) => setTimeout(done));
  }
}

// --- controls --------------------------------------------------------------------------------------------------------

function whole(text, most, standard) {
  return /^\d{1,10}$/.test(text ?? "") && Number(text) <= most ? Number(text) : standard;
}

function takeLink() {
  state.seed = whole(link.get("seed"), MOST_SEED, 0);
  state.label = whole(link.get("class"), facts.classes.length - 1, 0);
  const given = (link.get("sliders") ?? "").split(",").map(Number);
  state.strengths = facts.sliders.map((_, place) =>
    Number.isFinite(given[place]) ? Math.max(-REACH, Math.min(REACH, given[place])) : 0);
  const preferred = (navigator.language ?? "en").startsWith("zh") ? "zh" : "en";
  state.language = ["en", "zh"].includes(link.get("lang")) ? link.get("lang") : preferred;
}

function remember() {
  const query = new URLSearchParams({ seed: state.seed, lang: state.language });
  if (state.strengths.some((value) => value !== 0)) query.set("sliders", state.strengths.join(","));
  if (facts.classes.length) query.set("class", state.label);
  history.replaceState(null, "", `?${query}`);
}

function show() {
  at("seed").value = state.seed;
  at("class").value = state.label;
  state.strengths.forEach((value, place) => {
    at(`slider-${place}`).value = value;
    at(`value-${place}`).textContent = value.toFixed(1);
  });
  at("picture").setAttribute("aria-label", say("alt", { seed: state.seed }));
}

function choose(seed) {
  state.seed = seed;
  show();
  draw();
}

function build() {
  facts.sliders.forEach((name, place) => {
    const row = Object.assign(document.createElement("div"), { className: "slider" });
    const label = Object.assign(document.createElement("label"), { htmlFor: `slider-${place}` });
    label.dataset.direction = name;
    const value = Object.assign(document.createElement("output"), { id: `value-${place}`, htmlFor: `slider-${place}` });
    const input = Object.assign(document.createElement("input"), {
      id: `slider-${place}`, type: "range", min: -REACH, max: REACH, step: 0.1,
    });
    input.addEventListener("input", () => {
      state.strengths[place] = Number(input.value);
      value.textContent = state.strengths[place].toFixed(1);
      draw();
    });
    row.append(label, value, input);
    at("sliders").append(row);
  });
  facts.classes.forEach((name, place) => at("class").append(new Option(name, place)));
  at("class-box").hidden = !facts.classes.length;
  for (let place = 0; place < OTHERS; place++) {
    const button = Object.assign(document.createElement("button"), { type: "button" });
    button.append(document.createElement("canvas"));
    button.addEventListener("click", () => {
      choose(Number(button.dataset.seed));
      at("picture").scrollIntoView({ block: "center" });
    });
    at("others").append(button);
  }
  at("new").addEventListener("click", () => choose(Math.floor(Math.random() * 1e6)));
  at("seed").addEventListener("change", () => choose(whole(at("seed").value, MOST_SEED, state.seed)));
  at("class").addEventListener("change", () => {
    state.label = Number(at("class").value);
    draw().then(others);
  });
  at("reset").addEventListener("click", () => {
    state.strengths.fill(0);
    choose(state.seed);
  });
  at("more").addEventListener("click", () => {
    state.first += OTHERS;
    others();
  });
  at("save").addEventListener("click", save);
  for (const button of document.querySelectorAll("[data-language]")) {
    button.addEventListener("click", () => {
      state.language = button.dataset.language;
      tell();
      remember();
    });
  }
}

function save() {
  const large = Object.assign(document.createElement("canvas"), { width: SAVED, height: SAVED });
  const context = large.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(at("picture"), 0, 0, SAVED, SAVED);
  const anchor = document.createElement("a");
  anchor.href = large.toDataURL("image/png");
  anchor.download = `ganscope-${facts.name}-seed${state.seed}.png`;
  anchor.click();
}

// --- the beginning ---------------------------------------------------------------------------------------------------

async function fetched(file) {
  const answer = await fetch(file);
  if (!answer.ok) throw new Error(`${file}: ${answer.status}`);
  return answer;
}

async function begin() {
  at("state").textContent = "…";
  words = await (await fetched("words.json")).json();
  facts = await (await fetched("model.json")).json();
  takeLink();
  build();
  tell();
  show();
  if (typeof WebAssembly === "undefined") return fail("old");
  at("state").textContent = say("loading");
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmPaths = { wasm: new URL("ort-wasm-simd-threaded.wasm", import.meta.url).href };
  const model = new Uint8Array(await (await fetched("model.onnx")).arrayBuffer());
  session = await ort.InferenceSession.create(model, { executionProviders: ["wasm"] });
  for (const button of document.querySelectorAll("button")) button.disabled = false;
  await draw();
  document.querySelector(".stage").removeAttribute("aria-busy");
  await others();
}

begin().catch((error) => {
  console.error(error);
  fail("broken");
});
