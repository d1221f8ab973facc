"""The pages in a real browser with no network: they draw, answer what the networks answer, and need no mouse."""

import io
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.image import imread
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.ui import WebDriverWait

from boundary.models.model import sequential
from boundary.models.snapshots import Snapshots, load_snapshots
from boundary.nn.activations import ACTIVATIONS
from tests.support.report_cases import HOSTILE, SCHEMAS, Case, case, divided, everything, trained
from tests.support.repository import run

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
SWITCHES = [
    *["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"],
    *["--disable-background-networking", "--disable-component-update", "--hide-scrollbars"],
    *["--host-resolver-rules=MAP * ~NOTFOUND", "--force-prefers-reduced-motion", "--force-device-scale-factor=1"],
]
TALL = 9000  # a screen's height, to look at a long page in few screens
pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER),
    reason="no chromium with its chromedriver on the PATH",
)


class Browser:
    """Chromium, and what it complained about and asked for since it opened a page."""

    def __init__(self, driver: webdriver.Chrome):
        self.driver = driver

    def open(self, path: Path, width: int = 1440, dark: bool = False, height: int = 1000) -> None:
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self.driver.get("about:blank")
        self.complaints(), self.requests()
        self.driver.get(path.as_uri())
        self.settle()

    def complaints(self, warnings: bool = True) -> list[str]:
        return [entry["message"] for entry in self.driver.get_log("browser") if warnings or entry["level"] == "SEVERE"]

    def requests(self) -> list[str]:
        messages = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        return [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]

    def nothing_went_wrong(self, warnings: bool = True) -> None:
        assert self.complaints(warnings) == []
        assert [url for url in self.requests() if not url.startswith(("file:", "data:", "blob:", "about:"))] == []

    def settle(self) -> None:
        """Until the next two frames are drawn."""
        script = "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => done()))"
        self.driver.execute_async_script(script)

    def all(self, css: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def __getitem__(self, css: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, css)

    def text(self, css: str) -> str:
        return self[css].text

    def pixels(self, element: WebElement) -> np.ndarray:
        """What is seen of an element, (rows, columns, 3)."""
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", element)
        self.settle()
        return imread(io.BytesIO(element.screenshot_as_png))[..., :3]

    def choose(self, name: str) -> None:
        Select(self["#variant"]).select_by_value(name)
        self.settle()

    def seek(self, frame: int) -> None:
        script = "arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('input', {bubbles: true}))"
        self.driver.execute_script(script, self["#epoch"], frame)
        self.settle()

    def hover(self, across: float, up: float) -> None:
        """Move the mouse over the picture, to shares of its width and height from the bottom left."""
        self.driver.execute_script(
            "arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", self["#field"]
        )
        script = "const r = arguments[0].getBoundingClientRect(); return [r.left, r.top, r.width, r.height]"
        left, top, width, height = self.driver.execute_script(script, self["#field"])
        place = {"x": left + width * across, "y": top + height * (1 - up)}
        self.driver.execute_cdp_cmd("Input.dispatchMouseEvent", {"type": "mouseMoved", **place})
        self.settle()

    def answer(self) -> tuple[list[float], list[float]]:
        """Where the crosshair is, and what is answered there, in full precision."""
        place = json.loads(self["#readout"].get_attribute("data-place") or "null")
        return place, [float(str(each.get_attribute("value"))) for each in self.all("#readout data")]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for switch in [*SWITCHES, f"--user-data-dir={tmp_path_factory.mktemp('browser')}"]:
        options.add_argument(switch)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    try:
        yield Browser(driver)
    finally:
        driver.quit()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Case, Path]:
    """A report of every kind of data set and every activation, under names that mean harm."""
    found, path = everything(), tmp_path_factory.mktemp("made") / "index.html"
    path.write_text(found.page)
    return found, path


def colours(pixels: np.ndarray) -> int:
    """How many colours there are, counted coarsely."""
    return len(np.unique((pixels * 15).round().astype(np.uint16) @ np.array([256, 16, 1], dtype=np.uint16)))


def all_drawn(browser: Browser, css: str, dark: bool = False) -> int:
    """How many pictures a page has, opened TALL, once each has been seen to have some colours."""
    script = """
        scrollTo({top: arguments[0], behavior: "instant"});
        const boxes = [...document.querySelectorAll(arguments[1])].map((picture) => picture.getBoundingClientRect());
        return boxes.map((box) => [box.left, box.top, box.right, box.bottom]);"""
    drawn: set[int] = set()
    for top in range(0, 80_000, TALL - 1000):  # screen by screen, so that every picture is on one of them as a whole
        browser.driver.execute_script(script, top, css)
        browser.settle()
        places = np.array(browser.driver.execute_script(script, top, css)).astype(int)
        seen = imread(io.BytesIO(browser.driver.get_screenshot_as_png()))[..., :3]
        assert (seen[-1, -1].mean() < 0.3) == dark
        for k, (left, above, right, below) in enumerate(places):
            if above >= 0 and below <= TALL and k not in drawn:
                assert right - left > 60
                assert colours(seen[above:below, left:right]) > 3
                drawn.add(k)
        if len(drawn) == len(places):
            break
    assert len(drawn) == len(places)
    return len(drawn)


def answers(snapshots: Snapshots, frame: int, replicate: int, place: list[float]) -> list[float]:
    """What PyTorch answers."""
    with torch.no_grad():
        logits = sequential(snapshots.at(frame), replicate)(torch.tensor([place]))[0].double()
    if snapshots.schema.task == "binary":
        return [torch.sigmoid(-logits).item(), torch.sigmoid(logits).item()]
    return (logits if snapshots.schema.task == "regression" else logits.softmax(0)).tolist()


# --- the report, of made-up results ----------------------------------------------------------------------------------


def test_every_activation_answers_what_pytorch_answers(browser: Browser, made: tuple[Case, Path]) -> None:
    found, path = made
    browser.open(path)
    for name in ACTIVATIONS:
        browser.choose(f"two_{name}")
        snapshots = found.variants[f"two_{name}"].snapshots
        browser.all("#replicates label")[1].click()
        for frame, (across, up) in ((0, (0.2, 0.3)), (3, (0.9, 0.75))):
            browser.seek(frame)
            browser.hover(across, up)
            place, said = browser.answer()
            assert said == pytest.approx(answers(snapshots, frame, 1, place), abs=1e-5), name
    browser.nothing_went_wrong()


@pytest.mark.parametrize("name", ["three", "one", "curve", "plane"])
def test_every_kind_of_data_answers_what_pytorch_answers(browser: Browser, made: tuple[Case, Path], name: str) -> None:
    found, path = made
    browser.open(path)
    browser.choose(name)
    seen = []
    for frame in (0, 2, 3):
        browser.seek(frame)
        browser.hover(0.3, 0.6)
        place, said = browser.answer()
        assert len(place) == len(found.variants[name].snapshots.schema.features)
        assert said == pytest.approx(answers(found.variants[name].snapshots, frame, 0, place), abs=1e-5)
        seen.append(browser.pixels(browser["#field"]))
    assert min(map(colours, seen)) > 5
    assert not np.array_equal(seen[0], seen[1])
    browser.nothing_went_wrong()


def test_more_than_two_features_are_told_and_not_drawn(browser: Browser, made: tuple[Case, Path]) -> None:
    browser.open(made[1])
    browser.choose("many")
    assert "many has 3 features" in browser.text("#no-replay")
    assert not browser["#field"].is_displayed()
    browser.choose("three")
    assert browser["#field"].is_displayed()
    assert not browser["#no-replay"].is_displayed()


def test_names_that_mean_harm_are_only_shown(browser: Browser, made: tuple[Case, Path]) -> None:
    browser.open(made[1])
    browser.hover(0.5, 0.5)
    assert browser.text("#x-name") == HOSTILE
    assert browser.text("#readout .bar span") == HOSTILE
    assert browser.driver.title.startswith("Boundary")
    assert browser.all("img") == []
    browser.nothing_went_wrong()


def test_a_network_that_diverged_is_drawn_as_nothing(browser: Browser, tmp_path: Path) -> None:
    data = {"two": divided("two", SCHEMAS["three"])}
    one = trained("v", data["two"])
    one.snapshots.parameters[2:] = torch.nan
    (tmp_path / "index.html").write_text(case(data, {"v": one}).page)
    browser.open(tmp_path / "index.html")
    assert browser.text("#agreement").startswith("The 3 replicates")
    browser.nothing_went_wrong()


@pytest.mark.slow
def test_forty_variants_are_found_and_drawn_when_they_are_looked_at(browser: Browser, tmp_path: Path) -> None:
    data = {"two": divided("two", SCHEMAS["three"])}
    one = trained("v", data["two"])
    variants = {f"v{k}": replace(one, name=f"v{k}") for k in range(40)}
    (tmp_path / "index.html").write_text(case(data, variants).page)
    browser.open(tmp_path / "index.html")
    assert [len(browser.all(css)) for css in ("nav li li", "#variant option", ".board tbody tr")] == [40, 40, 40]
    assert browser.all("details.pairs[open]") == []
    browser.driver.execute_script("document.querySelector('[data-variant=v39]').click()")
    browser.settle()
    assert browser["#variant"].get_attribute("value") == "v39"
    assert colours(browser.pixels(browser["#v-v39 .boundary-figure svg"])) > 5
    browser.nothing_went_wrong()


# --- the pages of the default pipeline -------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [375, 1440])
@pytest.mark.parametrize("dark", [False, True])
def test_the_report_draws_everything(browser: Browser, published: Path, width: int, dark: bool) -> None:
    browser.open(published / "report/index.html", width, dark, height=TALL)
    assert browser.driver.execute_script("return document.documentElement.scrollWidth") <= width
    assert all_drawn(browser, "main figure > svg, canvas, #spark", dark) > 25
    browser.nothing_went_wrong()


def test_the_slider_bends_the_boundary(browser: Browser, published: Path) -> None:
    """At first circle_v2 cannot tell the middle from the rim, at last it can; and the colours say so."""
    snapshots = load_snapshots(published / "models/snapshots/circle_v2.safetensors")
    browser.open(published / "report/index.html")
    assert browser["#variant"].get_attribute("value") == "circle_v2"
    browser.all("#replicates label")[3].click()
    Select(browser["#part"]).select_by_value("none")
    told, tints = [], []
    for frame in (0, len(snapshots.epochs)):
        browser.seek(frame)
        for place in ((0.5, 0.5), (0.03, 0.97)):
            browser.hover(*place)
            at, said = browser.answer()
            assert said == pytest.approx(answers(snapshots, frame, 3, at), abs=1e-5)
            told.append(said[1] > 0.5)
        pixels = browser.pixels(browser["#field"])
        tints.append([pixels[int(pixels.shape[0] * 0.45), int(pixels.shape[1] * 0.45)], pixels[20, 12]])
    assert told[:2] in ([True, True], [False, False])
    assert told[2:] == [True, False]
    blue_over_red = [[float(tint[2] - tint[0]) for tint in pair] for pair in tints]
    assert (blue_over_red[0][0] > 0) == (blue_over_red[0][1] > 0)
    assert blue_over_red[1][0] < -0.2
    assert blue_over_red[1][1] > 0.2
    assert browser.text("#epoch-name") == "epoch 999 of 999"


def test_the_keyboard_is_enough(browser: Browser, published: Path) -> None:
    browser.open(published / "report/index.html")
    slider, field, theme = browser["#epoch"], browser["#field"], browser["#theme"]
    slider.send_keys(Keys.HOME)
    browser.settle()
    assert browser.text("#epoch-name") == "before training"
    assert browser.text("#test-loss") == "\u2013"
    slider.send_keys(Keys.ARROW_RIGHT)
    browser.settle()
    assert slider.get_attribute("aria-valuetext") == browser.text("#epoch-name") == "epoch 0 of 999"
    field.send_keys(Keys.ARROW_RIGHT)
    browser.settle()
    first, _ = browser.answer()
    field.send_keys(Keys.SHIFT, Keys.ARROW_UP)
    browser.settle()
    second, said = browser.answer()
    assert second[0] == first[0]
    assert second[1] > first[1]
    assert sum(said) == pytest.approx(1)
    field.send_keys(Keys.ESCAPE)
    browser.settle()
    assert browser.all("#readout data") == []
    before = browser.pixels(field)
    browser["#replicates input"].send_keys(Keys.ARROW_RIGHT)
    browser.settle()
    assert "seed 43" in str(field.get_attribute("aria-label"))
    assert not np.array_equal(browser.pixels(field), before)
    for expected in ("light", "dark", None):
        theme.send_keys(Keys.ENTER)
        assert browser["html"].get_attribute("data-theme") == expected
    browser["#play"].send_keys(Keys.SPACE)
    WebDriverWait(browser.driver, 10).until(lambda _: browser.text("#epoch-name") != "epoch 0 of 999")
    browser["#play"].send_keys(Keys.SPACE)
    browser.nothing_went_wrong()


def test_on_paper_it_is_light_and_leaves_out_what_only_a_screen_can_do(browser: Browser, published: Path) -> None:
    browser.open(published / "report/index.html", width=800, dark=True)
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        assert browser.pixels(browser["h1"])[0, 0].min() > 0.99
        assert not any(browser[css].is_displayed() for css in ("nav", "#replay", "#theme"))
        assert browser[".board"].is_displayed()
    finally:
        browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_everything_that_can_be_used_has_a_name(browser: Browser, published: Path) -> None:
    browser.open(published / "report/index.html", height=16_000)
    kinds = ("a", "button", "input", "select", "canvas[tabindex]", "[role=img]", "[role=region]")
    for element in (each for kind in kinds for each in browser.all(kind)[:6] if each.is_displayed()):
        assert element.accessible_name, element.get_attribute("outerHTML")


@pytest.mark.parametrize(
    ("command", "widths"), [(("show",), (375, 1440)), pytest.param(("diff", "HEAD"), (1440,), marks=pytest.mark.slow)]
)
def test_the_page_of_dvc_plots_draws_without_a_network(
    browser: Browser, workspace: Path, command: tuple[str, ...], widths: tuple[int, ...]
) -> None:
    run(workspace, "git", "commit", "-qam", "results", "--allow-empty")
    run(workspace, "dvc", "plots", *command)
    page = workspace / "dvc_plots/index.html"
    assert "<script src" not in page.read_text()
    places = page.read_text().count("vegaEmbed('#")
    assert places >= 10
    for width in widths:
        browser.open(page, width, height=TALL)
        WebDriverWait(browser.driver, 60).until(lambda _: len(browser.all(".vega-embed .marks")) == places)
        assert all_drawn(browser, ".vega-embed .marks, img") > places
        assert browser.driver.execute_script("return [...document.images].every((image) => image.naturalWidth > 0)")
        browser.nothing_went_wrong(warnings=False)  # DVC's own templates give some
