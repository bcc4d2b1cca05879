"""The report as a person sees it, in a real browser."""

import base64
import re
import shutil
import time
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from support.project import ROOT

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
# Figures of the mini study, of 3 conditions in 2 architectures, by category of the report.
FIGURES = {
    "Training": 2,
    "Laws": 3 * 2,
    "Fits": 1 + 3 * 4 + 2,
    "Interactions": 3 * 2,
    "Distances": 2 + 1,
    "Spectra": 3 * 4,
}
TABLES = {
    "Training": 3,
    "Laws": 2 + 3 * 2,
    "Fits": 1 + 3 * 3,
    "Interactions": 3 * 4,
    "Distances": 1,
    "Spectra": 1 + 3,
}
OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--window-size=1600,1000",
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
    driver.get(Path(project.folder, "report.html").as_uri())
    yield driver
    driver.quit()


def until(found, what, seconds=20):
    end = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < end, f"no {what} in the report"
        time.sleep(0.1)
    return value


def links(browser, text):
    return [link for link in browser.find_elements(By.TAG_NAME, "a") if link.text == text]


def test_the_introduction_is_shown_first(browser):
    until(lambda: "Which probability law" in body(browser), "introduction")
    assert "again and again, from 5 seeds" in body(browser)


def rows_of(browser, category):
    """Open a category anew and return its rows: of tables, of figures and of pages."""
    browser.refresh()
    until(lambda: links(browser, category), category)[0].click()
    rows = until(lambda: browser.find_elements(By.CSS_SELECTOR, "tr:has(a)"), "rows")
    tables = [row for row in rows if "table of" in row.text]
    pages = [row for row in rows if "in words" in row.text]
    return tables, [row for row in rows if row not in tables + pages], pages


def click(row, icon):
    row.find_element(By.CSS_SELECTOR, f"a[iconname={icon}]").click()


@pytest.mark.parametrize("category", FIGURES)
def test_every_figure_is_shown_and_explained(browser, category):
    _, figures, _ = rows_of(browser, category)
    assert len(figures) == FIGURES[category]
    for position in range(len(figures)):
        row = rows_of(browser, category)[1][position]
        ensembles, name = row.text.split(" ", 1)
        name = name.replace(" ", "_")
        click(row, "eye")
        until(lambda name=name: name in pictures(browser), f"picture {name} of {ensembles}")
        row = rows_of(browser, category)[1][position]
        click(row, "information-circle")
        caption = (ROOT / "workflow" / "report" / f"{name}.rst").read_text()[:12]
        until(lambda text=caption: text in body(browser), f"caption of {name}")
        assert ensembles in body(browser)


def pictures(browser):
    """Names of the SVG files that are drawn on the page, and not as an empty box."""
    sources = browser.execute_script(
        "return [...document.images].filter(image => image.complete && image.naturalWidth > 300)"
        ".map(image => image.src.slice(0, 200))"
    )
    return [re.search(r"filename=(\w+)\.svg", source)[1] for source in sources]


def body(browser):
    return browser.find_element(By.TAG_NAME, "body").text


@pytest.mark.parametrize("category", TABLES)
def test_tables_stand_beside_the_figures(browser, mini, category):
    tables, *_ = rows_of(browser, category)
    assert len(tables) == TABLES[category]
    for row in tables:
        link = row.find_element(By.CSS_SELECTOR, "a[iconname=eye]")
        embedded = base64.b64decode(link.get_attribute("href").split("base64,")[1])
        (original,) = [
            path
            for path in mini.folder.glob("results/mini/**/*.csv")
            if path.name == link.get_attribute("download") and path.read_bytes() == embedded
        ]
        assert original.stat().st_size > 0


def test_the_findings_are_a_page_of_words(browser):
    (row,) = rows_of(browser, "Laws")[2]
    click(row, "eye")

    def said():
        for frame in browser.find_elements(By.TAG_NAME, "iframe"):
            browser.switch_to.frame(frame)
            text = body(browser)
            browser.switch_to.default_content()
            if "Findings of the study mini" in text:
                return text
        return ""

    assert "best of the Gaussian laws compared" in until(said, "page of findings")


def test_no_errors_were_logged(browser):
    errors = [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    assert errors == []
