// The editor's previews follow what is typed: the form is shown to the server as its "look" button would, and the previews
// on the page that comes back take the place of the old ones. Without this the button does it.

const form = document.querySelector("[data-editor]");
let waiting = 0, asking = null;

async function look() {
  const data = new URLSearchParams(new FormData(form));
  data.set("act", "look");
  asking?.abort();
  asking = new AbortController();
  try {
    const answer = await fetch(form.action, { method: "POST", body: data, headers: { Accept: "text/html", "X-Fragment": "1" }, credentials: "same-origin", signal: asking.signal });
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("previews");
    if (fresh) document.getElementById("previews").replaceWith(document.adoptNode(fresh));
  } catch (error) {
    if (error.name !== "AbortError") console.warn(error);
  }
}

form?.addEventListener("input", () => {
  clearTimeout(waiting);
  waiting = setTimeout(look, 500);
});
