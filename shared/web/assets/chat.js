// The conversation: its page, and the small panel that every page of somebody signed in may open.
// Without this script the page's form posts and the page follows; the panel's button is a link to the page.
// Words of the server enter only as textContent.

const ADDRESS = "/requests/api/chat";
const still = matchMedia("(prefers-reduced-motion: reduce)");
const made = (name, className = "", text = "") => {
  const node = document.createElement(name);
  if (className) node.className = className;
  if (text) node.textContent = text;
  return node;
};
const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
const words = JSON.parse(document.getElementById("chat-words")?.textContent || "{}");

function seal() {
  const known = document.querySelector(".brand svg");
  return known ? known.cloneNode(true) : made("span");
}

class Talk {
  constructor(root) {
    this.root = root;
    this.list = root.querySelector("[data-log] ol");
    this.log = root.querySelector("[data-log]");
    this.form = root.querySelector("[data-composer]");
    this.input = this.form.querySelector("[name=text]");
    this.choices = root.querySelector("[data-choices]");
    this.busy = false;
    this.form.addEventListener("submit", (event) => { event.preventDefault(); this.say(this.input.value); });
    this.choices.addEventListener("click", (event) => {
      const button = event.target.closest("[data-say]");
      if (button) { event.preventDefault(); this.say(button.dataset.say); }
    });
    this.end();
  }

  end() { this.log.scrollTop = this.log.scrollHeight; }

  add(kind, text, link = "") {
    const item = made("li", `say say--${kind}`);
    if (kind === "it") item.append(seal());
    const line = made("p", "", link ? "" : text);
    if (link) { const anchor = made("a", "", text); anchor.href = link; line.append(anchor); }
    item.append(line);
    this.list.append(item);
    this.end();
    return item;
  }

  async say(text) {
    text = text.trim();
    if (!text || this.busy) return;
    this.busy = true;
    this.form.setAttribute("aria-busy", "true");
    this.add("me", text);
    this.input.value = "";
    this.choices.replaceChildren();
    const key = crypto.randomUUID ? crypto.randomUUID() : String(Date.now()) + Math.random().toString(16).slice(2);
    let answer = null;
    // The same key each time: a message that arrived, though its answer was lost, changes nothing when it comes again.
    for (let tries = 0; tries < 3 && !answer; tries += 1) {
      try {
        const response = await fetch(ADDRESS, {
          method: "POST", credentials: "same-origin", body: JSON.stringify({ text, key }),
          headers: { "Content-Type": "application/json", "Accept": "application/json", "X-CSRF-Token": document.body.dataset.csrf },
        });
        if (response.ok) answer = await response.json();
        else if (response.status < 500) break;
      } catch { await pause(500 * (tries + 1)); }
    }
    if (!answer) {
      this.add("it", words.failed || "");
      this.input.value = text;
    } else await this.show(answer);
    this.busy = false;
    this.form.removeAttribute("aria-busy");
    this.input.focus();
  }

  async show(answer) {
    for (const text of answer.texts) {
      const line = this.add("it", "").querySelector("p");
      // A screen reader hears the whole sentence once; eyes may watch it come.
      if (still.matches || text.length > 400) line.textContent = text;
      else {
        line.setAttribute("aria-hidden", "true");
        for (let at = 0; at < text.length; at += 4) { line.textContent = text.slice(0, at + 4); this.end(); await pause(12); }
        line.removeAttribute("aria-hidden");
      }
    }
    for (const filed of answer.filed) this.add("it", filed.reference, `/requests/${encodeURIComponent(filed.reference)}`);
    for (const choice of answer.choices) {
      const button = made("button", "chip", choice.words);
      button.type = "button";
      button.dataset.say = choice.say;
      this.choices.append(button);
    }
    this.drafts(answer.drafts);
    this.end();
  }

  drafts(drafts) {
    const place = document.querySelector("[data-drafts]");
    if (!place) return;
    place.replaceChildren();
    if (!drafts.length) place.append(made("p", "hint", words.none));
    for (const draft of drafts) {
      const section = made("section", "draft");
      section.setAttribute("aria-label", draft.name);
      const title = made("h3", "row");
      const mark = made("span", "glyph", draft.mark);
      mark.setAttribute("aria-hidden", "true");
      title.append(mark, made("span", "", draft.name));
      const rows = made("dl");
      for (const row of draft.rows) {
        const slot = made("div", "slot");
        if (row.missing) slot.dataset.slot = "missing";
        slot.append(made("dt", "", row.label), made("dd", "", row.value || words.unsaid));
        rows.append(slot);
      }
      section.append(title, rows);
      if (draft.ready) section.append(made("p", "hint", words.ready));
      else if (draft.missing) section.append(made("p", "hint", words.lacks.replace("{}", draft.missing)));
      if (draft.item) {
        const link = made("a", "btn btn--quiet", words.form);
        link.href = `/requests/new/${encodeURIComponent(draft.item)}`;
        section.append(link);
      }
      place.append(section);
    }
  }
}

const page = document.querySelector("[data-talk]");
if (page) new Talk(page);

// ---- the panel: made when it is first opened

const opener = document.querySelector("[data-chat-open]");
let panel = null;
let before = null;

function build() {
  const root = made("section", "chat-panel talk");
  root.id = "chat-panel";
  root.setAttribute("aria-label", words.title);
  const head = made("header");
  const whole = made("a", "", words.whole);
  whole.href = opener.href;
  const close = made("button", "icon", "×");
  close.type = "button";
  close.setAttribute("aria-label", words.close);
  close.addEventListener("click", shut);
  head.append(made("b", "", words.title), whole, close);
  const log = made("div", "scroll");
  log.dataset.log = "";
  log.tabIndex = 0;
  log.setAttribute("role", "log");
  log.setAttribute("aria-label", words.messages);
  log.append(made("ol"));
  const composer = made("div", "composer");
  const choices = made("div", "chips");
  choices.dataset.choices = "";
  choices.setAttribute("role", "group");
  choices.setAttribute("aria-label", words.quick);
  const form = made("form");
  form.dataset.composer = "";
  const label = made("label", "visually-hidden", words.composer);
  label.htmlFor = "chat-panel-text";
  const input = made("input", "input");
  input.id = "chat-panel-text";
  input.name = "text";
  input.maxLength = 2000;
  input.autocomplete = "off";
  form.append(label, input, made("button", "btn btn--primary", words.send));
  composer.append(choices, form);
  root.append(head, log, composer);
  root.addEventListener("keydown", (event) => { if (event.key === "Escape" && !event.isComposing) shut(); });
  document.body.append(root);
  const talk = new Talk(root);
  fetch(ADDRESS, { credentials: "same-origin", headers: { Accept: "application/json" } })
    .then((response) => (response.ok ? response.json() : { items: [] }))
    .then((history) => {
      if (!history.items.length) talk.add("it", words.empty);
      for (const each of history.items.slice(-10)) {
        if (each.said) talk.add("me", each.said);
        for (const text of each.answer.texts) talk.add("it", text);
      }
    })
    .catch(() => talk.add("it", words.failed));
  return root;
}

function shut() {
  panel.hidden = true;
  opener.setAttribute("aria-expanded", "false");
  before?.focus();
}

if (opener && !page) {
  opener.setAttribute("role", "button");
  opener.setAttribute("aria-expanded", "false");
  opener.setAttribute("aria-controls", "chat-panel");
  opener.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    before = document.activeElement;
    panel ??= build();
    panel.hidden = false;
    opener.setAttribute("aria-expanded", "true");
    panel.querySelector("[name=text]").focus();
  });
  opener.addEventListener("keydown", (event) => { if (event.key === " ") { event.preventDefault(); opener.click(); } });
}
