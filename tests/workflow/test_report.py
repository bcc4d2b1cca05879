"""The report as a person sees it, in a real browser."""

import re
import shutil
import time
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from support.project import ROOT

from weightlaws.figures import contents
from weightlaws.figures.contents import FOLDERS
from weightlaws.storage.tables import read_table
from weightlaws.study.layout import PATHS

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
# Files of the mini study, of 3 conditions in 2 architectures, by folder of the report.
FIGURES = {
    "2 Training": 2,
    "3 Which law": 3 * 7,
    "4 Deviations": 1 + 3 * 4 + 2 + 1,
    "5 Distances": 2 + 1 + 1,
    "6 Spectra": 3 * 4,
}
PAGES = {"1 Answers": 2, "7 Tables and costs": 24}
# Names in the layout by what the report says.
TITLES = {content.title: name for name, content in contents.FIGURES.items()}
WIDTHS = (1280, 400)
LARGEST = 12e6  # bytes of the report
# Elements of a selector with words of their own that lie left of or above what can be scrolled to,
# or over which another element lies where they are in view.
HIDDEN = """
const found = [];
for (const element of document.querySelectorAll(arguments[0])) {
  const text = [...element.childNodes].find(n => n.nodeType === 3 && n.textContent.trim());
  if (!text && !["IMG", "IFRAME"].includes(element.tagName)) continue;
  const range = document.createRange();
  text ? range.selectNode(text) : range.selectNode(element);
  const box = range.getBoundingClientRect();
  if (!box.width || !box.height) continue;
  let up = 0, left = 0;
  for (let e = element; e; e = e.parentElement) { up += e.scrollTop; left += e.scrollLeft; }
  const name = element.tagName + " " + (text ? text.textContent.trim().slice(0, 40) : "");
  if (box.top + up < -1 || box.left + left < -1) { found.push(name + " lies outside"); continue; }
  // What can be seen of it, within the window and the part of the page that scrolls.
  let view = {left: 0, top: 0, right: innerWidth, bottom: innerHeight};
  for (let e = element.parentElement; e; e = e.parentElement) {
    if (!/auto|scroll/.test(getComputedStyle(e).overflow)) continue;
    const part = e.getBoundingClientRect();
    view = {left: Math.max(view.left, part.left), top: Math.max(view.top, part.top),
      right: Math.min(view.right, part.right), bottom: Math.min(view.bottom, part.bottom)};
  }
  const left_ = Math.max(box.left, view.left), right = Math.min(box.right, view.right);
  const top_ = Math.max(box.top, view.top), bottom = Math.min(box.bottom, view.bottom);
  if (left_ >= right - 2 || top_ >= bottom - 2) continue;
  const above = document.elementFromPoint((left_ + right) / 2, (top_ + bottom) / 2);
  if (above && above !== element && !element.contains(above) && !above.contains(element))
    found.push(name + " is covered by " + above.tagName);
}
return found;
"""
OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)

pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="needs chromium and chromedriver (Debian: chromium-driver)"
)


@pytest.fixture(scope="module")
def browser(mini, tmp_path_factory):
    # The report is made of a copy, as Snakemake keeps records in the folder.
    project = mini.copy(tmp_path_factory.mktemp("report") / "project")
    done = project.snakemake("--report", "report.html")
    assert done.returncode == 0, done.stdout + done.stderr
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for option in (*OPTIONS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    driver.report = Path(project.folder, "report.html")
    yield driver
    driver.quit()


def opened(browser, width=1280, page=None):
    """Open the report anew, or another page, in a window of a width."""
    # Chromium's driver does not come back from a page that it opens at another size.
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.get((page or browser.report).as_uri())
    size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def until(found, what, seconds=20):
    end = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < end, f"no {what} in the report"
        time.sleep(0.1)
    return value


def links(browser, text):
    return [link for link in browser.find_elements(By.TAG_NAME, "a") if link.text == text]


@pytest.mark.parametrize("width", WIDTHS)
def test_the_introduction_is_shown_first_and_as_a_whole(browser, width):
    opened(browser, width)
    until(lambda: "Which probability law" in body(browser), "introduction")
    assert "again and again, from 5 seeds" in body(browser)
    assert hidden(browser) == []


def hidden(browser, within="#app"):
    """What nobody can see of the report, or of a page in its frame."""
    # A menu that was scrolled for a click lies below its own heading, until it is scrolled back.
    browser.execute_script("document.querySelectorAll('nav').forEach(menu => menu.scrollTop = 0)")
    return browser.execute_script(HIDDEN, f"{within} *")


def test_the_report_is_small_enough_to_be_sent(browser):
    assert browser.report.stat().st_size < LARGEST


def test_folders_stand_in_reading_order(browser):
    opened(browser)
    until(lambda: links(browser, FOLDERS[0]), "folder")
    found = [link.text for link in browser.find_elements(By.TAG_NAME, "a")]
    assert [text for text in found if text in FOLDERS] == [*FOLDERS]


def rows_of(browser, folder, width=1280):
    """Open a folder anew and return its rows."""
    opened(browser, width)
    until(lambda: links(browser, folder), folder)[0].click()
    return until(lambda: browser.find_elements(By.CSS_SELECTOR, "tr:has(a)"), "rows")


def listed(browser, count):
    """The rows of a folder, once all are there: the menu is drawn after a click, not in it."""

    def found():
        rows = browser.find_elements(By.CSS_SELECTOR, "tr:has(a)")
        return rows if len(rows) == count else []

    return until(found, f"list of {count} rows")


def click(row, icon):
    link = row.find_element(By.CSS_SELECTOR, f"a[iconname={icon}]")
    # The driver's own scrolling can leave it below the heading of the menu.
    link.parent.execute_script("arguments[0].scrollIntoView({block: 'center'})", link)
    link.click()


@pytest.mark.parametrize("folder", FIGURES)
def test_every_figure_is_shown_and_explained(browser, folder):
    rows = rows_of(browser, folder)
    assert len(rows) == FIGURES[folder]
    assert len({row.text for row in rows}) == len(rows)
    for position in range(len(rows)):
        row = listed(browser, len(rows))[position]
        words, title = row.text, next(t for t in TITLES if row.text.startswith(t))
        name = Path(PATHS[TITLES[title]]).stem
        click(row, "eye")
        until(lambda name=name: picture(browser) == name, f"picture of {words}")
        caption = (ROOT / "workflow/report" / f"{name}.rst").read_text()[:12]
        click(listed(browser, len(rows))[position], "information-circle")
        until(lambda text=caption: text in body(browser), f"caption of {name}")
        assert title in body(browser)
        # Back; the menu may have been scrolled, so that its heading lies over the way.
        browser.execute_script("arguments[0].click()", links(browser, folder)[0])


def picture(browser):
    """The name of the SVG file that is drawn on the page, and not as an empty box."""
    sources = browser.execute_script(
        "return [...document.images].filter(image => image.complete && image.naturalWidth > 150)"
        ".map(image => image.src.slice(0, 200))"
    )
    names = [re.search(r"filename=(\w+)\.svg", source) for source in sources]
    return next((name[1] for name in names if name), None)


def body(browser):
    return browser.find_element(By.TAG_NAME, "body").text


@contextmanager
def frame_of(browser, row):
    """Open a page of the report, and be in its frame."""
    click(row, "eye")
    frame = until(lambda: browser.find_elements(By.TAG_NAME, "iframe"), "page")[0]
    browser.switch_to.frame(frame)
    try:
        until(lambda: browser.execute_script("return document.readyState") == "complete", "page")
        yield
    finally:
        browser.switch_to.default_content()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("folder", PAGES)
def test_pages_and_tables_are_shown(browser, folder, width):
    rows = rows_of(browser, folder, width)
    assert len(rows) == PAGES[folder]
    names = [row.text for row in rows]
    assert len(set(names)) == len(names)
    titles = []
    for position in range(len(rows)):
        row = browser.find_elements(By.CSS_SELECTOR, "tr:has(a)")[position]
        with frame_of(browser, row):
            assert hidden(browser, "body") == [], names[position]
            titles.append(browser.find_element(By.TAG_NAME, "h1").text)
            assert browser.find_elements(By.TAG_NAME, "td")
    assert len(set(titles)) == len(titles)
    if folder == "7 Tables and costs":
        assert all(name.startswith(t) for name, t in zip(names, titles, strict=True))


def test_the_first_page_has_the_answers(browser, mini):
    (row, *_) = rows_of(browser, "1 Answers")
    claims = read_table(mini.folder / "results/mini/claims.csv")
    with frame_of(browser, row):
        text = body(browser)
        for claim in claims.itertuples():
            assert f"{claim.claim}. {claim.statement}" in text
        assert "in the folder 1 Answers" in text  # where the appendix is
        files = browser.find_elements(By.CSS_SELECTOR, "a.file")
        assert {link.value_of_css_property("pointer-events") for link in files} == {"none"}
        links(browser, "Which law holds where")[0].click()
        until(lambda: browser.execute_script("return scrollY") > 500, "section")


def test_the_page_beside_the_report_leads_to_files(browser, mini):
    opened(browser, page=mini.folder / "results/mini/answers.html")
    found = [link.get_attribute("href") for link in browser.find_elements(By.CSS_SELECTOR, ".file")]
    assert len({*found}) == sum(FIGURES.values()) + sum(PAGES.values()) - 1
    assert all(Path(unquote(urlsplit(link).path)).is_file() for link in found)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("page", ["answers", "findings"])
def test_a_page_of_words_fits_the_window(browser, mini, page, width):
    opened(browser, width, mini.folder / f"results/mini/{page}.html")
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_lies_out_of_reach_or_is_covered(browser, width):
    for folder in FOLDERS:
        for icon in ("eye", "information-circle"):
            row = rows_of(browser, folder, width)[0]
            assert hidden(browser) == [], folder
            click(row, icon)
            time.sleep(0.3)  # the menu moves
            assert hidden(browser) == [], f"{folder}, {icon}"


def test_no_errors_were_logged(browser):
    errors = [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    assert errors == []
