// Browser features that the pages need: history, a cookie, and the message when the server is gone.
export default function ({ data }) {
  window.ganscope ??= new Keeper();
  window.ganscope.update(data);
}

const ACTIONS = ["pointerdown", "click", "keydown"];
const LINKS = "a[data-testid=stSidebarNavLink], a[data-testid=stPageLink-NavLink]";
const MESSAGES = { "Connection error": "gone", "Page not found": "missing" }; // by Streamlit's title

class Keeper {
  constructor() {
    this.push = history.pushState.bind(history);
    history.pushState = (...entry) => this.enter(...entry);
    for (const type of ACTIONS) addEventListener(type, () => (this.acted = true), true);
    addEventListener("popstate", () => (this.acted = false), true);
    addEventListener("click", (event) => this.follow(event));
    new MutationObserver(() => this.reword()).observe(document.body, { childList: true, subtree: true });
  }

  update({ cookies, words }) {
    this.words = words;
    const secure = location.protocol === "https:" ? "; Secure" : "";
    for (const [name, value] of Object.entries(cookies)) {
      document.cookie = `${name}=${value}; path=/; SameSite=Strict${secure}`;
    }
    this.reword();
  }

  // One history entry per visitor action, none for what the page then adds to its own address: Back is one click
  enter(...entry) {
    if (this.acted) this.push(...entry);
    else history.replaceState(...entry);
    this.acted = false;
  }

  // Streamlit ignores links to the current page with another query. It works as if by Forward
  follow(event) {
    const link = event.target.closest?.(LINKS);
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const target = new URL(link.href);
    const language = new URLSearchParams(location.search).get("lang");
    if (language && !target.searchParams.has("lang")) target.searchParams.set("lang", language);
    if (target.pathname !== location.pathname || target.search === location.search) return;
    setTimeout(() => {
      this.push(null, "", target);
      dispatchEvent(new PopStateEvent("popstate"));
    });
  }

  // Streamlit's messages are meant for developers; visitors get an explanation
  reword() {
    for (const dialog of document.querySelectorAll("[role=dialog]")) {
      const title = dialog.querySelector("h2");
      const words = this.words[MESSAGES[title?.textContent]];
      if (words) rewrite(title, words);
    }
  }
}

function rewrite(title, [heading, ...sentences]) {
  const theirs = title.nextElementSibling;
  const ours = theirs.cloneNode(false);
  for (const sentence of sentences) ours.appendChild(document.createElement("p")).textContent = sentence;
  title.textContent = heading;
  theirs.style.display = "none"; // belongs to React, so it isn't removed
  title.after(ours);
}
