"""The pages as a browser shows them: on a desk and on a phone, without network, whatever the texts are."""

import contextlib
import importlib.util
import json
import shutil
from pathlib import Path

import pytest

from arts.cli import main
from arts.documents.write import write_document
from arts.evaluation.report import write_report
from arts.evaluation.report.runs import compare_runs
from arts.evaluation.report.runs_document import comparison

from ..evaluation.reports import BREAKOUT, CONTROLS, FENCES, LONG, SCRIPT, evaluate, row

CHROMIUM = shutil.which("chromium")
RECORDED = Path(__file__).parents[2] / "benchmarks" / "recorded"
SIZES = {"desk": (1280, 900), "phone": (390, 844)}
FLAGS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--no-first-run"]
HOSTILE = (SCRIPT, BREAKOUT, f"{CONTROLS} \u05d0\u05d1 \x1b[2J {FENCES}", LONG)
PAGES = ("demo", "sampled", "recorded", "hostile", "comparison", "diagnosis")
"""``make demo`` with fewer problems; Qwen2.5-Coder-0.5B, sampled with this project (docs/real-llm.md); Qwen2.5-1.5B,
recorded by others; and three whose texts are hostile."""

pytestmark = [
    pytest.mark.pages,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium here; make test-pages installs it"),
    pytest.mark.skipif(importlib.util.find_spec("playwright") is None, reason="playwright is not installed"),
]


@pytest.fixture(scope="module")
def browser(folder):
    """Chromium, started when the pages are there: its driver keeps an event loop running, commands start their own."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The folder of all pages, each made as its command makes it."""
    folder = tmp_path_factory.mktemp("pages")
    runs = []
    for name, texts in (("hostile", HOSTILE), ("other", HOSTILE[::-1])):
        (folder / name).mkdir()
        rows = [row(i, texts) for i in range(12)]
        options = {"audited": True, "calibrated": True, "margin": 0.1, "where": ("level == 1",)}
        runs.append(evaluate(folder / name, rows, **options))
        write_report(runs[-1], folder / name)
    compared = compare_runs(*runs, margin=0.1)
    write_document(comparison(compared), compared, folder / "comparison", "compare")
    small = ("--train-problems", "60", "--test-problems", "40")
    assert main(["demo", *small, "--out", str(folder / "run")]) == 0
    (folder / "run" / "report").rename(folder / "demo")
    sampled, recorded = (str(RECORDED / f) for f in ("qwen_svamp_test.jsonl.gz", "math500_qwen1.5b_prm.jsonl.gz"))
    verifiers = ("--verifiers", "likelihood", "length", "--n", "2", "4", "8")
    assert main(["evaluate", sampled, *verifiers, "--out", str(folder / "sampled")]) == 0
    assert main(["evaluate", recorded, "--audit", "--margin", "5", "--out", str(folder / "recorded")]) == 0
    _diagnose(folder)
    return folder


def _diagnose(folder):
    sides = []
    for name, shift in (("base", 0), ("rl", 1)):
        rows = [row(i, HOSTILE) for i in range(12)]
        for i, r in enumerate(rows):
            for j, sample in enumerate(r["samples"]):
                sample["correct"] = (i + j + shift) % 3 == 0
        path = folder / f"{name}.jsonl"
        path.write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")
        sides.append(str(path))
    assert main(["squeeze", "diagnose", *sides, "--out", str(folder / "diagnosis")]) == 0


@contextlib.contextmanager
def opened(browser, path, size="desk", scheme="light"):
    """The page, and what went wrong with it: requests for anything but itself, and errors."""
    width, height = SIZES[size]
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    page, wrong = context.new_page(), []

    def route(request):
        if request.request.url == path.as_uri():
            request.continue_()
        else:
            wrong.append(f"asked for {request.request.url}")
            request.abort()

    page.route("**/*", route)
    page.on("console", lambda message: wrong.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("dialog", lambda dialog: (wrong.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    page.goto(path.as_uri())
    yield page, wrong
    context.close()


def file_of(folder, name):
    return folder / name / ("compare.html" if name == "comparison" else "report.html")


def overflow(page):
    """How much wider the page is than its window, and which parts reach out of it but for those that scroll."""
    return page.evaluate(
        """() => {
        const wide = document.documentElement.scrollWidth - window.innerWidth;
        const inside = e => e.closest('.scroll') || e.closest('pre') || e.closest('svg');
        const out = [...document.body.querySelectorAll('*')].filter(
            e => !inside(e) && e.getClientRects().length && e.getBoundingClientRect().right > window.innerWidth + 1);
        return [wide, out.map(e => e.outerHTML.slice(0, 100))];
        }"""
    )


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_asks_for_nothing_and_has_no_error(browser, folder, name, size):
    with opened(browser, file_of(folder, name), size) as (page, wrong):
        assert page.locator("h1").count() == 1 and page.locator("h2").count() >= 4
        assert overflow(page) == [0, []]
        for summary in page.locator("summary").all():
            summary.click()
        assert page.evaluate("[...document.querySelectorAll('details')].every(d => d.open)")
        assert overflow(page) == [0, []]
    assert wrong == []


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", PAGES)
def test_every_section_is_reached_from_the_contents(browser, folder, name, size):
    with opened(browser, file_of(folder, name), size) as (page, wrong):
        links = page.locator("nav a").all()
        assert len(links) == page.locator("main > section").count() >= 4
        for link in links:
            link.click()
            target = page.locator(link.get_attribute("href"))
            assert target.locator("h2").inner_text() == link.inner_text()
            place = target.locator("h2").bounding_box()
            assert 0 <= place["y"] < SIZES[size][1] and place["height"] > 0
    assert wrong == []


@pytest.mark.parametrize("size", SIZES)
def test_hostile_texts_are_shown_as_text(browser, folder, size):
    with opened(browser, file_of(folder, "hostile"), size) as (page, wrong):
        first = page.locator("details").first
        first.locator("summary").click()
        said = first.inner_text()
        for text in (SCRIPT, BREAKOUT.partition("\n")[0], "{{ 7 * 7 }}", FENCES.splitlines()[1]):
            assert text in said
        for mark in ("\\u0000", "\\u001b[31m", "\\u001b[2J", "\\u202e", "\\u2066", "\\u200b", "\\u007f"):
            assert mark in said
        assert "more characters)" in said and len(said) < 40_000
        assert page.evaluate("document.querySelectorAll('script, img, iframe, object, embed, link').length") == 0
        heights = page.evaluate("[...document.querySelectorAll('details[open] pre')].map(e => e.clientHeight)")
        assert len(heights) == 5 and max(heights) <= 24 * 16
    assert wrong == []


@pytest.mark.parametrize("name", PAGES)
def test_wide_tables_scroll_in_their_own_boxes_and_keep_the_names_of_rows(browser, folder, name):
    with opened(browser, file_of(folder, name), "phone") as (page, _):
        wide = [b for b in page.locator(".scroll").all() if b.evaluate("e => e.scrollWidth > e.clientWidth")]
        assert wide
        for box in wide:
            box.evaluate("e => { e.scrollLeft = e.scrollWidth }")
            assert box.evaluate("e => e.scrollLeft") > 0
            edge, cell = box.bounding_box(), box.locator("tbody tr > :first-child").first.bounding_box()
            assert abs(cell["x"] - edge["x"]) <= 2 and cell["width"] < 0.75 * edge["width"]


def luminance(colour):
    channels = [c / 255 for c in colour]
    red, green, blue = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_texts_stand_out_from_their_ground(browser, folder, name, scheme):
    script = """() => {
        const rgb = s => s.match(/[\\d.]+/g).map(Number);
        const ground = e => { for (; e; e = e.parentElement) {
            const c = rgb(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] > 0) return c.slice(0, 3); }
            return [255, 255, 255]; };
        const own = e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
        const seen = new Map();
        for (const e of document.body.querySelectorAll('*')) if (own(e) && e.getClientRects().length) {
            const style = getComputedStyle(e), svg = e.closest('svg');
            const pair = [rgb(svg ? style.fill : style.color).slice(0, 3), ground(e)];
            seen.set(JSON.stringify(pair), e.outerHTML.slice(0, 80)); }
        return [...seen].map(([pair, html]) => [JSON.parse(pair), html]); }"""
    with opened(browser, file_of(folder, name), "desk", scheme) as (page, _):
        found = page.evaluate(script)
    assert len(found) >= 3
    for (text, ground), html in found:
        light, dark = sorted((luminance(text), luminance(ground)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (html, text, ground)


def test_what_is_wrong_with_a_page_is_found(browser, tmp_path):
    path = tmp_path / "bad.html"
    path.write_text("<h1>x</h1><img src='http://127.0.0.1:9/x'><script>throw 1</script><p style='width: 3000px'>y")
    with opened(browser, path) as (page, wrong):
        assert overflow(page)[0] > 0 and overflow(page)[1]
        page.wait_for_load_state("load")
    assert any("asked for http://127.0.0.1:9/x" in w for w in wrong) and any("1" in w for w in wrong[1:])
