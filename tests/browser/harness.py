"""A real browser on real pages: visits, axe, the content policy's reports, sideways scroll, screenshots.

    with serve(application) as address:
        page = visit(browser, address + "/requests/parts", language="en", theme="dark", width=390)
        assert problems(page) == []

Pages that need somebody signed in take ``cookies=[(name, value), …]`` or a context from ``signed_in``.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
from pathlib import Path

from axe_playwright_python.base import AXE_SCRIPT
from werkzeug.serving import make_server

ROOT = Path(__file__).parents[2]
SCREENSHOTS = ROOT / "var" / "screenshots"
CHROMIUM = os.environ.get("HOUQIN_TEST_CHROMIUM", "/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-color-profile=srgb",
    "--font-render-hinting=none",
]
LANGUAGES, THEMES, WIDTHS = ("zh-Hans", "en"), ("light", "dark"), (1280, 390)
COMBINATIONS = [(language, theme, width) for language in LANGUAGES for theme in THEMES for width in WIDTHS]
_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
AXE = {"runOnly": {"type": "tag", "values": _TAGS}, "resultTypes": ["violations"]}
# The rules that see colours and sizes; the others look at the tree, which no theme changes.
AXE_ON_LOOKS = {"runOnly": {"type": "rule", "values": ["color-contrast", "target-size"]}, "resultTypes": ["violations"]}

_COLLECT = """
window.__reports = [];
addEventListener("securitypolicyviolation", (event) => window.__reports.push(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`));
addEventListener("error", (event) => window.__reports.push(`error ${event.message} ${event.filename}:${event.lineno}`));
addEventListener("unhandledrejection", (event) => window.__reports.push(`rejected ${event.reason}`));
"""

# Things a person presses whose words are cut off, and focusable things whose ring would be clipped away.
_CUT = """
() => [...document.querySelectorAll("a, button, label, h1, h2, h3, .state, .btn, .chip, th, dt")]
  .filter((node) => node.getClientRects().length && !node.closest(".visually-hidden, .rows td, .job") && !node.matches(".visually-hidden, .skip"))
  .filter((node) => { const style = getComputedStyle(node); return style.overflowX !== "visible" && node.scrollWidth > node.clientWidth + 1; })
  .map((node) => `cut off: ${node.tagName} ${node.textContent.trim().slice(0, 40)}`)
"""


@contextlib.contextmanager
def serve(application):
    """The address of ``application``, served from a thread."""
    server = make_server("127.0.0.1", 0, application, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()


def launch(playwright):
    """Debian's Chromium."""
    return playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)


def context_for(
    browser, address, *, language="zh-Hans", theme="light", width=1280, height=900, cookies=(), script=True, **options
):
    """A fresh browser window that has chosen its language and theme and remembers what the content policy refused."""
    context = browser.new_context(
        viewport={"width": width, "height": height}, java_script_enabled=script, reduced_motion="reduce", **options
    )
    look = [("houqin-language", language), ("houqin-theme", theme), *cookies]
    context.add_cookies([{"name": name, "value": value, "url": address} for name, value in look])
    context.add_init_script(_COLLECT)
    return context


def visit(browser, url, *, language="zh-Hans", theme="light", width=1280, height=900, cookies=(), script=True):
    """The page at ``url``, loaded."""
    address = re.match(r"https?://[^/]+", url)[0]
    context = context_for(
        browser, address, language=language, theme=theme, width=width, height=height, cookies=cookies, script=script
    )
    page = context.new_page()
    page.goto(url, wait_until="load")
    return page


def problems(page, *, axe=AXE):
    """What is wrong with a page as it stands: a list of sentences, empty when nothing is; ``axe=None`` leaves axe out."""
    found = [f"content policy: {report}" for report in page.evaluate("window.__reports ?? []")]
    found += sideways(page)
    found += page.evaluate(_CUT)
    if axe:
        found += violations(page, axe)
    return found


def turn(page, *, theme, width, height=900):
    """The same page as a person sees it who has chosen ``theme``, in a window of this width; nothing is loaded anew."""
    page.set_viewport_size({"width": width, "height": height})
    page.evaluate("(theme) => { document.documentElement.dataset.theme = theme; }", theme)


def sideways(page):
    """One sentence when the page can be scrolled sideways, naming what sticks out."""
    if page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"):
        return []
    out = page.evaluate(
        """() => [...document.querySelectorAll("body *")].filter((node) => node.getBoundingClientRect().right > innerWidth + 1
           && !node.closest(".visually-hidden")).slice(0, 3).map((node) => `${node.tagName}.${node.className}`)"""
    )
    return [f"scrolls sideways: {', '.join(out)}"]


def violations(page, options=AXE):
    """What axe finds, one sentence each."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    return page.evaluate(
        """async (options) => (await axe.run(document, options)).violations.flatMap((each) =>
             each.nodes.slice(0, 3).map((node) => `axe ${each.id}: ${each.help}: ${node.target}`))""",
        options,
    )


def shoot(page, name):
    """Keep a screenshot of the whole page under ``var/screenshots``, when HOUQIN_TEST_SHOTS=1 asks for them."""
    if os.environ.get("HOUQIN_TEST_SHOTS") != "1":
        return
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)


def double(page):
    """Make every English word run twice as long, as a careless translation would."""
    page.evaluate(
        """() => { const walk = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
             for (let node; (node = walk.nextNode());) if (/[A-Za-z]{3}/.test(node.data)) node.data = `${node.data} ${node.data}`; }"""
    )
