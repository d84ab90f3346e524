"""Every kind of report in a real browser: without a network, quiet, readable on desk and telephone, dark and light."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .reports import HOSTILE, written

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
KINDS = ("study", "fronts", "clock", "predictors", "stop", "oneshot", "live", "fewshot")
WIDTHS = (1280, 390)
SMALLEST = 9.5  # pixels of a letter's size that can be read
ROOM = """() => {
  const wide = document.documentElement.clientWidth;
  const free = [...document.querySelectorAll("main *")].filter((e) => !e.closest(".frame, .drawing, pre, svg"));
  const far = free.filter((e) => e.getBoundingClientRect().right > wide + 1);
  return { over: document.documentElement.scrollWidth - wide, far: far.map((e) => e.tagName + "." + e.className) };
}"""
# Letters of all visible drawings, in pixels of the screen.
LETTERS = """() => {
  const shown = [...document.querySelectorAll("svg text")].filter((t) => t.textContent.trim() && t.getClientRects().length);
  const scale = (t) => Math.hypot(t.getScreenCTM().a, t.getScreenCTM().b);
  return shown.map((t) => [t.textContent, parseFloat(getComputedStyle(t).fontSize) * scale(t)]);
}"""
LABELS = """() => [...document.querySelectorAll(".plot")].map((plot) => {
  const box = plot.getBoundingClientRect();
  return [...plot.querySelectorAll(".annotation-text-g")].map((g) => {
    const r = g.getBoundingClientRect();
    const place = { left: r.left - box.left, right: r.right - box.left, top: r.top - box.top, bottom: r.bottom - box.top };
    return Object.assign(place, { text: g.textContent, over: r.right - box.right });
  });
})"""
# Luminances by WCAG 2.
THEME = """() => {
  const linear = (x) => x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4;
  const light = (colour) => {
    const [r, g, b] = colour.match(/[\\d.]+/g).map((x) => linear(Number(x) / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const style = getComputedStyle(document.body);
  const words = [...document.querySelectorAll(".plot .annotation-text")].map((t) => light(getComputedStyle(t).fill));
  return { ink: light(style.color), paper: light(style.backgroundColor), words };
}"""
TITLES = """() => [...document.querySelectorAll(".plot")].map((plot) =>
  [...plot.querySelectorAll(".xtitle, .ytitle")].map((title) => title.textContent))"""
ORDER = """(table) => [...table.tBodies[0].rows].map((row) => parseFloat(row.cells[1].dataset.value))
  .filter((value) => !isNaN(value))"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    programs = [found for found in map(shutil.which, BROWSERS) if found]
    if not programs:
        pytest.skip("no Chromium here to load the reports with")
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed here: pip install 'warmnas[dev]'"
    )
    with playwright.sync_playwright() as play:
        flags = ["--no-sandbox", "--disable-gpu"]
        started = play.chromium.launch(executable_path=programs[0], args=flags)
        yield started
        started.close()


@pytest.fixture(scope="module")
def reports(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return written(tmp_path_factory.mktemp("reports"))


@pytest.fixture(scope="module", params=KINDS)
def page(request: pytest.FixtureRequest, browser: Any, reports: dict[str, Path]) -> Iterator[Any]:
    """A loaded page without a network; what it complained of and asked for are in ``said`` and ``asked``."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme="light", offline=True)
    page = context.new_page()
    page.kind, page.said, page.asked = request.param, [], []
    page.on("console", lambda message: page.said.append(message.text))
    page.on("pageerror", lambda error: page.said.append(str(error)))
    page.on("dialog", lambda dialog: page.said.append(dialog.message))
    page.on("request", lambda request: page.asked.append(request.url))
    page.goto(reports[request.param].as_uri())
    page.wait_for_function("[...document.querySelectorAll('.plot')].every((plot) => plot.querySelector('.main-svg'))")
    yield page
    context.close()


def settle(page: Any) -> None:
    """Wait until what the last change asked for is drawn."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def overlaps(one: dict[str, float], other: dict[str, float]) -> bool:
    across = min(one["right"], other["right"]) - max(one["left"], other["left"])
    down = min(one["bottom"], other["bottom"]) - max(one["top"], other["top"])
    return across > 3 and down > 5  # boxes have some air around their letters


def test_is_complete_and_quiet(page: Any) -> None:
    assert [url for url in page.asked if not url.startswith(("file:", "data:", "blob:"))] == []
    assert len([url for url in page.asked if url.startswith("file:")]) == 1, "the page asked for a second file"
    assert page.said == []


def test_a_name_is_no_markup(page: Any) -> None:
    assert (HOSTILE in page.locator("main").inner_text()) == (
        page.kind in ("study", "fronts", "clock", "stop")
    )  # task or source there


@pytest.mark.parametrize("width", WIDTHS)
def test_is_readable(page: Any, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    settle(page)
    assert page.evaluate(ROOM) == {"over": 0, "far": []}
    assert [text for text, size in page.evaluate(LETTERS) if size < SMALLEST] == []
    for labels in page.evaluate(LABELS):
        clashes = [(a["text"], b["text"]) for i, a in enumerate(labels) for b in labels[:i] if overlaps(a, b)]
        assert clashes == []
        assert [label["text"] for label in labels if label["over"] > 1 or label["left"] < -1] == []


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_has_contrast_in_both_themes(page: Any, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)
    settle(page)
    seen = page.evaluate(THEME)
    assert (seen["paper"] < 0.05) == (scheme == "dark")
    for ink in (seen["ink"], *seen["words"]):
        high, low = max(ink, seen["paper"]), min(ink, seen["paper"])
        assert (high + 0.05) / (low + 0.05) > 4.5


def test_every_axis_says_what_it_counts(page: Any) -> None:
    for plot in page.evaluate(TITLES):
        assert len(plot) == 2
        assert all(plot)
        assert not any(title.endswith(("regret", "loss", "accuracy", "speed-up")) for title in plot), "a unit is missing"


def test_legends_toggle(page: Any) -> None:
    if not (buttons := page.locator(".legend button")).count():
        assert not page.locator(".plot").count()
        return
    drawn = "() => document.querySelector('.plot').data.length"
    before, button = page.evaluate(drawn), buttons.first
    button.click()
    assert button.get_attribute("aria-pressed") == "false"
    assert page.evaluate(drawn) < before
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    assert page.evaluate(drawn) == before


def test_tables_sort(page: Any) -> None:
    tables = page.locator("table:has(th[aria-sort]):visible")
    assert tables.count() > 0
    for place in range(tables.count()):
        table = tables.nth(place)
        button = table.locator("th[data-column='1'] button")
        button.click()
        rising = table.evaluate(ORDER)
        assert rising == sorted(rising)
        button.click()
        assert table.evaluate(ORDER) == sorted(rising, reverse=True)
