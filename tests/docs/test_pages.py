"""Every page in a headless Chromium: nothing has to be scrolled sideways, and all of it is read.

The session `pages` of nox runs them; they need a Chromium, as Debian's.
"""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from urllib.parse import quote

import pytest

CHECKOUT = Path(__file__).parents[2]
DRIVER = CHECKOUT / "tests" / "examples" / "secure_by_default" / "conftest.py"
WIDE, NARROW = 1280, 390
COLUMNS = 88

pytestmark = pytest.mark.skipif(
    "AUTHZ_DOCS_PICTURES" not in os.environ, reason="run by the session `pages` of nox"
)


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    """The browser of another test's login page, with one page."""
    spec = importlib.util.spec_from_file_location("chromium_driver", DRIVER)
    driver = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(driver)
    assert driver.CHROMIUM is not None, "no Chromium is installed"
    browser = driver.Chromium(tmp_path_factory.mktemp("chromium"))
    yield View(browser, browser.page())
    browser.close()


class View:
    """One page of the browser, at a width and in a colour scheme."""

    def __init__(self, browser, page):
        self._browser, self._page = browser, page

    def search(self, words):
        """The pages that the search of the built site finds."""
        site = Path(os.environ["AUTHZ_DOCS_HTML"])
        self._page.open(f"{(site / 'search.html').as_uri()}?q={quote(words)}")
        self._page.wait_for("document.querySelector('.search-summary')?.innerText.match(/found/)")
        links = self.evaluate(
            "[...document.querySelectorAll('#search-results li a')].map(a => a.href)"
        )
        pages = [link.partition("?")[0].partition("#")[0] for link in links]
        return [page.removeprefix(f"{site.as_uri()}/") for page in pages]

    def open(self, path, *, width, scheme="light", height=900):
        self._send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        self._send(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-color-scheme", "value": scheme}],
        )
        url = path.as_uri()
        if self.evaluate("location.href") != url:
            self._page.open(url)
            self._page.wait_for(
                f"location.href == {url!r} && document.readyState == 'complete' && document.body"
            )

    def evaluate(self, expression):
        return self._page.evaluate(expression)

    def picture(self):
        answer = self._send("Page.captureScreenshot", format="png")
        return answer["result"]["data"]

    def _send(self, method, **parameters):
        return self._browser.send(method, session=self._page._session, **parameters)


# What sticks out of the page: everything but what a box of code scrolls by itself.
STICKS_OUT = """
    [...document.querySelectorAll('article *')]
      .filter(e => !e.closest('pre, .sig') && e.getClientRects().length)
      .filter(e => e.getBoundingClientRect().right > innerWidth + 1)
      .slice(0, 3).map(e => e.outerHTML.slice(0, 120))"""
CLIPPED = """
    [...document.querySelectorAll('article pre')]
      .filter(e => e.scrollWidth > e.clientWidth)
      .map(e => e.textContent.split('\\n').sort((a, b) => b.length - a.length)[0])"""
TABLES = """
    [...document.querySelectorAll('.table-wrapper')]
      .filter(e => e.scrollWidth > e.clientWidth + 1)
      .map(e => e.textContent.slice(0, 120))"""
# The contrast of each text with what is behind it, as WCAG 2.1 defines it.
TOO_PALE = """
    (() => {
      const parse = text => text.match(/[\\d.]+/g).map(Number);
      const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
        .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
      const behind = e => {
        for (; e; e = e.parentElement) {
          const colour = parse(getComputedStyle(e).backgroundColor);
          if (colour.length < 4 || colour[3] > 0) return colour;
        }
        return [255, 255, 255];
      };
      const pale = new Set();
      for (const e of document.querySelectorAll('article *')) {
        const text = [...e.childNodes].some(n => n.nodeType == 3 && n.data.trim());
        const unseen = !e.getClientRects().length || e.closest('.headerlink, button');
        if (!text || unseen || e.closest('title, style, script')) continue;
        const box = e.closest('svg') ? e.closest('svg').querySelector('rect') : null;
        const style = getComputedStyle(e);
        const fore = parse(box ? style.fill : style.color);
        const back = box ? parse(getComputedStyle(box).fill) : behind(e);
        const [a, b] = [light(fore), light(back)].sort((x, y) => y - x);
        const contrast = (a + 0.05) / (b + 0.05);
        if (contrast < 4.5) pale.add(`${contrast.toFixed(1)} ${e.className} ${e.tagName}`);
      }
      return [...pale];
    })()"""


def all_pages():
    site = Path(os.environ.get("AUTHZ_DOCS_HTML", "."))
    skipped = {"search.html", "genindex.html", "py-modindex.html"}
    return sorted(
        path
        for path in site.rglob("*.html")
        if path.relative_to(site).as_posix() not in skipped and "_static" not in path.parts
    )


@pytest.mark.parametrize("path", all_pages(), ids=lambda path: path.stem)
def test_a_page_fits_and_can_be_read(chromium, path):
    for width in (WIDE, NARROW):
        chromium.open(path, width=width)
        assert chromium.evaluate("document.documentElement.scrollWidth") <= width
        assert chromium.evaluate(STICKS_OUT) == []
        assert chromium.evaluate(TABLES) == []
        if width == WIDE:
            assert chromium.evaluate(CLIPPED) == []
    for scheme in ("light", "dark"):
        chromium.open(path, width=WIDE, scheme=scheme)
        assert chromium.evaluate(TOO_PALE) == []


def test_a_box_of_code_holds_88_columns(chromium):
    (page,) = [path for path in all_pages() if path.match("how-to/authorizer.html")]
    chromium.open(page, width=WIDE)
    for columns, fits in ((COLUMNS, True), (COLUMNS + 40, False)):
        found = chromium.evaluate(
            "(() => { const box = document.querySelector('article pre'); "
            f"box.textContent = 'x'.repeat({columns}); "
            "return box.scrollWidth <= box.clientWidth })()"
        )
        assert found is fits


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("test two users", "how-to/test-your-service.html"),
        ("deploy arm64", "how-to/deploy.html"),
        ("key set down", "how-to/incidents.html"),
        ("Entra tenant", "how-to/providers/entra.html"),
        ("ambiguous_path", "reference/failures.html"),
    ],
)
def test_a_search_leads_to_the_answer(chromium, words, answer):
    assert answer in chromium.search(words)


def test_dark_pages_are_dark(chromium):
    backs = []
    for scheme in ("light", "dark"):
        chromium.open(all_pages()[0], width=WIDE, scheme=scheme)
        backs.append(chromium.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert backs[0] != backs[1]
