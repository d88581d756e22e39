// The bell in the bar: how many notices are unread, as they come. Without this script it is a link to the list.
// A page has one stream: where it follows a stream of requests already, the bell listens to that; where it follows one of
// another service, the bell asks now and then; else it opens its own, and only while the page can be seen, because a
// browser has few connections to one host.

const bell = document.querySelector("[data-bell]");
const root = document.documentElement;
const OFTEN = 20000, SELDOM = 120000;

if (bell) {
  const shown = bell.querySelector(".count");
  const keep = `houqin.bell.${document.body.dataset.account}`;
  const own = document.querySelector("[data-live]")?.dataset.live ?? "";
  const rides = own.startsWith("/requests/");
  let unread = 0, asked = 0, source = null, timer = 0, refused = 0;

  const show = (count, words) => {
    unread = count.unread;
    shown.textContent = unread >= count.most ? `${count.most - 1}+` : String(unread);
    shown.hidden = !unread;
    if (words) { bell.setAttribute("aria-label", words); bell.title = words; }
  };

  const ask = async (loud) => {
    clearTimeout(timer);
    if (document.hidden) return;
    const mine = ++asked;
    const answer = await fetch(bell.dataset.bell, { headers: { Accept: "application/json" }, credentials: "same-origin" }).catch(() => null);
    if (mine !== asked) return;
    if (answer?.ok) {
      const count = await answer.json();
      const more = count.unread - unread;
      show(count, count.words[root.lang]);
      try { sessionStorage.setItem(keep, JSON.stringify(count)); } catch { /* private window */ }
      if (loud && more > 0) document.dispatchEvent(new CustomEvent("announce", { detail: count.words[root.lang] }));
    }
    if (!rides && !source) timer = setTimeout(() => ask(true), refused || answer?.ok !== true ? SELDOM : OFTEN);
  };

  // A burst of notices is one question.
  let soon = 0;
  const told = () => { clearTimeout(soon); soon = setTimeout(() => ask(true), 200 + Math.random() * 300); };

  const listen = () => {
    if (own || source || document.hidden || refused > 3) return;
    source = new EventSource(bell.dataset.bellLive);
    source.onopen = () => { clearTimeout(timer); if (refused) ask(true); refused = 0; };
    source.addEventListener("bell", told);
    source.addEventListener("reload", told);
    source.onerror = () => { // the browser tries again by itself unless it was refused: pass ended, or too many listen
      if (source?.readyState !== EventSource.CLOSED) return;
      leave();
      refused += 1;
      timer = setTimeout(async () => { await ask(true); listen(); }, Math.min(SELDOM, 5000 * 3 ** refused));
    };
  };
  const leave = () => { source?.close(); source = null; };

  document.addEventListener("live:bell", told);
  document.addEventListener("live:reload", told);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) { clearTimeout(timer); leave(); }
    else ask(true).then(listen);
  });
  addEventListener("pagehide", leave);

  try { const known = JSON.parse(sessionStorage.getItem(keep) || "null"); if (known) show(known); } catch { /* private window */ }
  ask(false).then(() => setTimeout(listen, 1500)); // a page that is left at once opens no stream
}
