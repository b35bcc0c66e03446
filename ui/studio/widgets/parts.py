"""Custom components of the Studio: the large picture, strips, tiles, a board, the page's head."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from ui import LOGO
from ui.languages import LANGUAGES, _, language
from ui.studio.models.opened import opened
from ui.studio.requests.calls import callback
from ui.studio.requests.uploads import MOST_BYTES
from ui.studio.view.pictures import MOVING, SHOWN, SMALL, data_url, display_url, picture, small
from ui.studio.view.view import View
from ui.texts import paragraph

UPLOAD_HEIGHT = 136  # pixels of a box for files
# alt text, which may be a user-supplied name: escaped here
_ALT = """${(value.alt || '').replaceAll('&', '&amp;').replaceAll('"', '&quot;')}"""
_FACE = """
<div class="face working ${value.sharp ? 'sharp' : ''}">
  <img src="${value.now || ''}" alt="ALT" ${value.now ? '' : 'hidden'} draggable="false">
  <span class="tag">${value.tag || ''}</span>
  <div class="wait" ${value.now ? 'hidden' : ''}>${value.wait || ''}</div>
</div>""".replace("ALT", _ALT)
# puts the picture's link into the address bar; pressing the picture shows it without edits
_HOLD = """
let before = '';
const settle = () => {
  if (props.value && props.value.before) before = props.value.before;
  if (!props.value || !props.value.query) return;
  const kept = new URLSearchParams(location.search), next = new URLSearchParams(props.value.query);
  const own = kept.get('tab') ? kept.get('tab') + '-' : null;  // of the tab on show, which it writes itself
  for (const [name, value] of kept)
    if (['lang', '__theme', 'view', 'tab'].includes(name) || (own && name.startsWith(own))) next.set(name, value);
  history.replaceState(history.state, '', location.pathname + '?' + next);
};
watch('value', settle);
settle();
const hold = on => {
  const face = element.querySelector('.face'), image = element.querySelector('img');
  if (!face || !image || !before) return;
  face.classList.toggle('held', on);
  image.src = on ? before : props.value.now;
};
element.addEventListener('pointerdown', () => hold(true));
for (const name of ['pointerup', 'pointerleave', 'pointercancel']) element.addEventListener(name, () => hold(false));
element.addEventListener('ganscope-hold', event => hold(event.detail));
"""
_STRIP = """
<div class="strip" role="list">
${(value.items || []).map((item, place) => `<button aria-current="${place === value.place}" data-place="${place}"
  aria-label="${value.label} ${place + 1}"><img src="${item}" alt=""></button>`).join('')}
</div>"""
_CHOOSE = """
element.addEventListener('click', event => {
  const button = event.target.closest('button[data-place]');
  if (button) trigger('select', {place: Number(button.dataset.place)});
});
"""
_TILES = """
${value.wait ? `<p class="quiet">${value.wait}</p>` : ''}<div class="tiles working">
${(value.items || []).map((item, place) => `<button data-place="${place}" aria-pressed="${value.off.includes(place)}"
  aria-label="${value.label} ${value.numbers[place]}" title="${value.label} ${value.numbers[place]}"><img src="${item}"
  alt=""></button>`).join('')}
</div>"""
_MARKS = """
${value.wait ? `<p class="quiet">${value.wait}</p>` : ''}<div class="tiles marks working">
${(value.items || []).map((item, place) => `<button data-place="${place}" data-mark="${value.marks[place]}"
  aria-label="${value.labels[place]}" title="${value.labels[place]}"><img src="${item}" alt=""></button>`).join('')}
</div>"""
# arrows over the picture in its own pixels; an odd last point is a handle without a target
_BOARD = """
<div class="face board working ${value.sharp ? 'sharp' : ''}">
  <img src="${value.now || ''}" alt="ALT" ${value.now ? '' : 'hidden'} draggable="false">
  <svg viewBox="-0.5 -0.5 ${value.side || 1} ${value.side || 1}" tabindex="0" role="application"
    aria-label="${value.hint || ''}">
  ${(value.places || []).map(([x, y], place, all) => place % 2 ? `<line x1="${all[place - 1][0]}"
    y1="${all[place - 1][1]}" x2="${x}" y2="${y}"/><circle class="target" cx="${x}" cy="${y}" r="1.2"/>`
    : `<circle class="handle" cx="${x}" cy="${y}" r="1.2"/>`).join('')}
  <circle class="cursor" r="1.6"/>
  </svg>
  <div class="wait" ${value.now ? 'hidden' : ''}>${value.wait || ''}</div>
</div>""".replace("ALT", _ALT)
# two pictures of one size, the second over the first from the slider on
_COMPARE = """
<div class="compare working ${!value.now ? 'empty' : value.now === value.before ? 'alone' : ''}">
  <img class="before" src="${value.before || ''}" alt="%(before)s" draggable="false">
  <img class="after" src="${value.now || ''}" alt="${value.after || '%(after)s'}" draggable="false">
  <div class="wait">%(wait)s</div><span class="line"></span>
  <span class="tag">%(before)s</span><span class="tag right">${value.after || '%(after)s'}</span>
  <input type="range" min="0" max="100" step="0.1" value="50" aria-label="%(before)s / ${value.after || '%(after)s'}">
  <img class="added" src="${value.added || ''}" alt="%(added)s" draggable="false">
  <label ${value.added ? '' : 'hidden'}><input type="checkbox"> %(added)s</label>
</div>"""
_SLIDE = """
element.addEventListener('input', event => {
  if (event.target.type === 'range') element.style.setProperty('--at', event.target.value + '%');
  else element.querySelector('.compare').classList.toggle('mapped', event.target.checked);
});
"""
# keeps a copy in the page, because the server soon deletes the file
_FILM = """
<div class="film" ${value.file ? '' : 'hidden'}>
  <video autoplay loop muted playsinline controls ${value.video ? '' : 'hidden'}></video>
  <img alt="${value.alt || ''}" ${value.video ? 'hidden' : ''}>
  <a class="save" download="${value.name || ''}">${value.save || ''}</a>
</div>"""
_FETCH = """
let kept = '';
const fetched = async () => {
  if (!props.value || !props.value.file) return;
  const url = props.value.file.url;
  const answer = await fetch(url).catch(() => null);
  if (kept) URL.revokeObjectURL(kept);
  kept = answer && answer.ok ? URL.createObjectURL(await answer.blob()) : url;
  if (!props.value.file || props.value.file.url !== url) return;
  element.querySelector(props.value.video ? 'video' : 'img').src = kept;
  element.querySelector('a').href = kept;
};
watch('value', () => requestAnimationFrame(fetched));
fetched();
"""
_PRESS = """
let from = null;
const share = event => {
  const image = element.querySelector('img');
  if (!image || image.hidden) return null;
  const box = image.getBoundingClientRect();
  return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
};
element.addEventListener('pointerdown', event => { from = event.pointerType === 'touch' ? null : share(event); });
element.addEventListener('click', event => {
  const to = share(event), far = to && from && Math.hypot(to[0] - from[0], to[1] - from[1]) > FAR;
  if (far) trigger('press', {x: from[0], y: from[1], to_x: to[0], to_y: to[1]});
  else if (to) trigger('press', {x: to[0], y: to[1]});
  from = null;
});
const MOVES = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]}, STEP = 0.02, FAR = 0.03;
let at = [0.5, 0.5], again = false;
const show = () => {
  const cursor = element.querySelector('.cursor'), last = ((props.value && props.value.side) || 1) - 1;
  if (!cursor) return;
  cursor.setAttribute('cx', at[0] * last);
  cursor.setAttribute('cy', at[1] * last);
  if (again) element.querySelector('svg').focus();
  again = false;
};
element.addEventListener('keydown', event => {
  const move = MOVES[event.key];
  if (!event.target.closest('svg') || !(move || event.key === 'Enter')) return;
  event.preventDefault();
  if (move) at = at.map((share, axis) => Math.min(1, Math.max(0, share + move[axis] * STEP)));
  again = !move;  // a new value replaces the focused element
  if (move) show(); else trigger('press', {x: at[0], y: at[1]});
});
watch('value', () => requestAnimationFrame(show));
show();
"""
# a list instead of tabs on narrow pages; keyboard release of sliders, which Gradio handles only for pointers
_PLACES = """
const list = element.querySelector('select');
list.value = new URLSearchParams(location.search).get('tab') || list.options[0].value;
list.addEventListener('change', () => trigger('select', {tab: list.value}));
const KEYS = ['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown', 'PageUp', 'PageDown', 'Home', 'End'], WAIT = 400;
const waiting = new Map();
const letGo = slider => {
  clearTimeout(waiting.get(slider));
  if (waiting.delete(slider)) slider.dispatchEvent(new PointerEvent('pointerup', {bubbles: true}));
};
if (!window.ganscopeKeys) {
  window.ganscopeKeys = true;
  document.addEventListener('keyup', event => {
    const slider = event.target;
    if (slider.type !== 'range' || !KEYS.includes(event.key)) return;
    clearTimeout(waiting.get(slider));
    waiting.set(slider, setTimeout(() => letGo(slider), WAIT));
  });
  document.addEventListener('focusout', event => letGo(event.target));
}
"""

_HEADINGS = """
const words = WORDS;
const name = () => document.querySelectorAll('.toast-title').forEach(title => {
  const kind = Object.keys(words).find(one => title.classList.contains(one));
  const first = [...title.childNodes].find(node => node.nodeType === Node.TEXT_NODE);
  if (kind && first && first.data.trim() !== words[kind]) first.data = words[kind] + ' ';
});
new MutationObserver(name).observe(document.body, {childList: true, subtree: true, characterData: true});
"""


@dataclass(frozen=True)
class Download:
    """A small file for the browser to save, with `SAVE`."""

    name: str
    content: bytes

    @property
    def plain(self) -> dict[str, str]:
        return {"name": self.name, "content": base64.b64encode(self.content).decode()}


# scripts of buttons: save a file that a callback made; copy the page's link. The clipboard is blocked on plain-HTTP
# pages, and prompts are blocked in frames
SAVE = """file => {
  if (!file) return;
  const link = document.createElement('a');
  link.href = 'data:application/octet-stream;base64,' + file.content;
  link.download = file.name;
  link.click();
}"""
_COPY = """() => {
  const button = document.querySelector('#ID'), words = button.textContent;
  const done = () => { button.textContent = '✓'; setTimeout(() => button.textContent = words, 1500); };
  const without = () => {
    const area = document.createElement('textarea');
    area.value = location.href;
    document.body.append(area);
    area.select();
    if (document.execCommand('copy')) done(); else prompt('', location.href);
    area.remove();
  };
  if (navigator.clipboard) navigator.clipboard.writeText(location.href).then(done, without);
  else without();
}"""


def copying(button: gr.Button) -> None:
    """Makes a button copy the page's link."""
    button.click(None, js=_COPY.replace("ID", str(button.elem_id)), api_visibility="private")


QUIET: dict[str, Any] = {"show_progress": "hidden"}  # of events whose outputs are not to be covered meanwhile


def note(words: str = "", **options: Any) -> gr.Markdown:
    """A paragraph of explanation or status, less prominent than the controls."""
    return gr.Markdown(words, elem_classes="quiet", **options)


def saved(made: Any, file: gr.JSON) -> None:
    """Lets the browser save what the event `made` has put into `file`, a plain `Download`."""
    made.success(None, file, None, js=SAVE, api_visibility="private")


def saving(
    button: gr.Button, make: Callable[..., dict[str, str]], inputs: Any, api_name: str, js: str | None = None
) -> None:
    """Makes a button save the plain `Download` that the callback `make` returns."""
    file = gr.JSON(visible=False)
    saved(button.click(callback(make), inputs, file, js=js, api_name=api_name, **QUIET), file)


def opening() -> str:
    """What is shown until a tab's model has been opened, which takes seconds on a busy machine."""
    return _("Opening the model …")


def made(**options: Any) -> gr.HTML:
    """HTML that a callback makes; `opening` is shown until then."""
    return gr.HTML(
        f'<p class="quiet">{opening()}</p>', apply_default_css=False, elem_classes="working", **options
    )  # fmt: skip


def face(wait: str = "", **options: Any) -> gr.HTML:
    """The large picture; `wait`, by default `opening`, is shown until there is one."""
    return gr.HTML(
        {"wait": wait or opening()}, html_template=_FACE, js_on_load=_HOLD, apply_default_css=False, **options
    )


def strip(**options: Any) -> gr.HTML:
    """A row of small pictures to choose from."""
    return gr.HTML({"items": []}, html_template=_STRIP, js_on_load=_CHOOSE, apply_default_css=False, **options)


def tiles(**options: Any) -> gr.HTML:
    """Many small pictures, each clickable."""
    return gr.HTML(
        {"items": [], "off": [], "wait": opening()},
        html_template=_TILES,
        js_on_load=_CHOOSE,
        apply_default_css=False,
        **options,
    )


def marks(**options: Any) -> gr.HTML:
    """Small pictures to be marked yes or no by clicking."""
    return gr.HTML(
        {"items": [], "marks": [], "labels": [], "wait": opening()}, html_template=_MARKS, js_on_load=_CHOOSE,
        apply_default_css=False, **options,
    )  # fmt: skip


def board(**options: Any) -> gr.HTML:
    """A large picture on which arrows are placed."""
    return gr.HTML({"wait": opening()}, html_template=_BOARD, js_on_load=_PRESS, apply_default_css=False, **options)


def compare(before: str, after: str, added: str, **options: Any) -> gr.HTML:
    """A before/after slider over two pictures, and a switch that shows a third instead. Value: their addresses,
    `before`, `now` and `added`, and `after` where `now` has another label. Equal pictures are shown as one.
    """
    words = {"before": before, "after": after, "added": added, "wait": opening()}
    template = _COMPARE % {name: escape(text) for name, text in words.items()}
    return gr.HTML({}, html_template=template, js_on_load=_SLIDE, apply_default_css=False, **options)


def film(**options: Any) -> gr.HTML:
    """A film with a link that saves it."""
    return gr.HTML({}, html_template=_FILM, js_on_load=_FETCH, apply_default_css=False, **options)


def film_value(path: Path, save: str) -> dict[str, Any]:
    """Returns the value of `film` for a file, which Gradio copies, serves and deletes as any other file."""
    file = gr.FileData(path=str(path), orig_name=path.name).model_dump()
    video = path.suffix == ".mp4"
    return {"file": file, "video": video, "name": path.name, "save": save, "alt": _("The film")}


def places(tabs: Sequence[tuple[str, str, str]]) -> gr.HTML:
    """A list of the tabs for narrow pages: group, id and title of each."""
    groups: dict[str, list[str]] = {}
    for group, name, title in tabs:
        groups.setdefault(group, []).append(f'<option value="{escape(name)}">{escape(title)}</option>')
    lists = "".join(f'<optgroup label="{escape(group)}">{"".join(some)}</optgroup>' for group, some in groups.items())
    template = f'<select aria-label="{escape(_("Choose a tool"))}">{lists}</select>'
    return gr.HTML({}, html_template=template, js_on_load=_PLACES, apply_default_css=False, elem_id="places")


def picture_file(elem_id: str) -> gr.File:
    """A box for one picture of the visitor's."""
    return gr.File(show_label=False, file_types=["image"], height=UPLOAD_HEIGHT, elem_id=elem_id)


def picture_limits() -> str:
    """Returns which pictures such a box takes."""
    return _("PNG, JPEG or WebP, up to {size} MB").format(size=MOST_BYTES // 1_000_000)


def upload_note(before: str = "", after: str = "") -> gr.Markdown:
    """A note on what becomes of an upload that a model of squares reads, between other sentences."""
    words = _(
        "{limits}. The centre square is resized to the model's input size, and your upload is deleted after it is read."
    ).format(limits=picture_limits())
    return note(paragraph(before, words, after))


def emptied(box: gr.File, read: Any) -> None:
    """Clears an upload box after the event `read`, also after a refused file, where `then` would not run."""
    for after in (read.success, read.failure):
        after(lambda: None, None, box, show_progress="hidden", api_visibility="private")


def image_value(image: Image.Image, alt: str) -> dict[str, Any]:
    """Returns the value of `face` for a picture and its alt text."""
    return {"now": display_url(image), "sharp": image.width <= SMALL, "alt": alt}


def face_value(view: View, settled: bool) -> dict[str, Any]:
    """Returns the value of `face` for a view; `settled` adds the unedited picture and the link.

    While a slider moves, a model that can draw larger pictures draws smaller ones, which are quicker.
    """
    value = image_value(picture(view, SHOWN if settled else MOVING), alt(view))
    if not settled:
        return value
    before = display_url(picture(view.before, SHOWN)) if view.changes else value["now"]
    return value | {"before": before, "query": view.query(), "tag": _("Before")}


def alt(view: View) -> str:
    """Returns the alt text of a picture."""
    title = _(opened(view.model).card.title)
    if view.point:
        return _("A picture generated by {model}").format(model=title)
    return _("A picture generated by {model}, seed {seed}").format(model=title, seed=view.seed)


def strip_value(views: Sequence[View], place: int, label: str = "") -> dict[str, Any]:
    """Returns the value of `strip` for views, by default earlier ones; `place` is the selected one, -1 for none."""
    return {"items": [small(view) for view in views], "place": place, "label": label or _("Earlier picture")}


def examples_value(images: Iterable[Image.Image], place: int, label: str) -> dict[str, Any]:
    """Returns the value of `strip` for pictures to start from; `place` is the selected one, -1 for none."""
    return {"items": [data_url(image) for image in images], "place": place, "label": label}


def sheet_value(image: Image.Image, alt_words: str, sharp: bool) -> str:
    """Returns a sheet of pictures as HTML."""
    return (
        f'<div class="sheet{" sharp" if sharp else ""}"><img src="{data_url(image)}" alt="{escape(alt_words)}"></div>'
    )


def head() -> str:
    """Returns logo and language links."""
    links = "".join(
        f'<a href="?lang={code}" lang="{code}"{" aria-current=true" if code == language() else ""} '
        f'onclick="{escape(_keeping(code))}">{escape(name)}</a>'
        for code, name in LANGUAGES.items()
    )
    return f'<div id="head">{LOGO.read_text(encoding="utf-8")}<nav aria-label="{_("Language")}">{links}</nav></div>'


def headings() -> str:
    """JavaScript that gives toasts a title in the page's language. Gradio shows the English name of their type instead,
    and never an error's title.
    """
    words = {"error": _("Not possible"), "warning": _("Please note"), "info": _("Please note")}
    return _HEADINGS.replace("WORDS", json.dumps(words, ensure_ascii=False))


def _keeping(code: str) -> str:
    """Returns the link to the same picture in another language."""
    return (
        "event.preventDefault(); const next = new URLSearchParams(location.search); "
        f"next.set('lang', {json.dumps(code)}); "
        "location.href = location.pathname.replace(/zh\\/?$/, '') + '?' + next;"
    )
