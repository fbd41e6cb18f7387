"""The accordion's first screen in Chromium, by computed style: with both gradios where both are set up, light and dark, wide and narrow."""
from __future__ import annotations

import re
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.chromium import launched

from .conftest import REPOSITORY, Client, serving

HERE = Path(__file__).resolve().parent
MEASURE = (HERE / "screen.js").read_text(encoding="utf-8").partition("\n")[2]
OLD = REPOSITORY / ".venv-gradio3" / "bin" / "python"
PYTHONS = {"gradio4": sys.executable, **({"gradio3": str(OLD)} if OLD.exists() else {})}
EACH_GRADIO = ["gradio3", pytest.param("gradio4", marks=pytest.mark.slow)] if OLD.exists() else ["gradio4"]
"""tests/webui has the page on gradio 4 already."""
COLOURS = {  # state: light, dark
    "on": ("rgb(21, 128, 61)", "rgb(74, 222, 128)"), "slower": ("rgb(154, 74, 5)", "rgb(251, 191, 36)"),
    "cannot": ("rgb(185, 28, 28)", "rgb(252, 165, 165)"), "off": ("rgb(75, 85, 99)", "rgb(209, 213, 219)"),
    "setup": ("rgb(29, 78, 216)", "rgb(147, 180, 255)"), "comparing": ("rgb(29, 78, 216)", "rgb(147, 180, 255)"),
}
TECHNICAL = re.compile(r"UNet|evaluation|sampler|timestep|gamma|<lora:|\.safetensors", re.IGNORECASE)
CARDS = "#fewstep_txt2img_method label"


@pytest.fixture(scope="module", params=EACH_GRADIO)
def host(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """The embedded WebUI with two accelerators, under one of the gradios; its LoRA folder can be emptied."""
    folder = tmp_path_factory.mktemp(str(request.param))
    with serving(folder, [], "--models", str(models(folder)), python=PYTHONS[request.param]) as client:
        yield client


def models(folder: Path) -> Path:
    """The tiny models, with LoRAs that a test may take away."""
    from demo import weights
    from demo.places import OUT

    unpacked = weights.unpack(OUT / "models").folder
    made = folder / "models"
    (made / "Lora").mkdir(parents=True)
    for part in ("Stable-diffusion", "tiny-clip"):
        (made / part).symlink_to(unpacked / part)
    for name in ("TCD-SD15-LoRA", "lcm-lora-sdv1-5"):
        shutil.copy(unpacked / "Lora" / f"{name}.safetensors", made / "Lora")
    return made


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with launched() as browser:
        yield browser


class Screen:
    """An open page, and what a user does on it."""

    def __init__(self, page: Any):
        self.page = page

    def part(self, name: str) -> Any:
        return self.page.locator(f"#fewstep_txt2img_{name}").first

    def open(self) -> Screen:
        self.part("accordion").locator(".label-wrap > span").first.click()
        self.wait("on", "setup", "cannot", "slower")
        return self

    @property
    def state(self) -> str:
        return self.part("status").locator(".fewstep-status").first.get_attribute("data-state") or ""

    def wait(self, *states: str) -> None:
        patience = time.monotonic() + 60
        while True:
            panel = self.page.locator("#fewstep_txt2img_status .fewstep-status")
            if panel.count() and self.state in states and self.part("body").get_attribute("data-state") == self.state:
                break
            assert time.monotonic() < patience, f"{self.state if panel.count() else 'no panel'} is none of {states}"
            time.sleep(0.05)
        self.page.wait_for_timeout(400)  # the answers that follow

    def headline(self) -> str:
        return self.part("status").locator(".fewstep-headline").first.inner_text()

    def until(self, condition: Callable[[], bool]) -> None:
        patience = time.monotonic() + 30
        while not condition():
            assert time.monotonic() < patience, "the page did not come to the expected state"
            time.sleep(0.05)

    def act(self, what: str) -> None:
        """What a button in the page's HTML does."""
        self.page.evaluate(
            """(what) => {
                const button = document.createElement("button");
                button.dataset.act = what;
                document.querySelector("#fewstep_txt2img_body").append(button);
                button.click();
                button.remove();
            }""", what)

    def number(self, name: str, value: float) -> None:
        field = self.part(name).locator("input[type=number]").first
        field.fill(f"{value:g}")
        field.press("Tab")

    def fold(self, name: str) -> Any:
        return self.part(name).locator(".label-wrap").first

    def card(self, name: str) -> Any:
        return self.page.locator(CARDS).filter(has_text=name).first

    def chosen(self) -> str:
        """The name on the chosen card."""
        return self.page.locator(f"{CARDS}:has(input:checked)").inner_text()

    def measured(self) -> dict[str, Any]:
        return self.page.evaluate(MEASURE)

    def values(self, *names: str) -> list[str]:
        """What controls of the host's show."""
        return [self.page.locator(name).first.input_value() for name in names]


@pytest.fixture
def opened(host: Client, browser: Any) -> Iterator[Callable[..., Screen]]:
    """Opens the page; fails on any error or warning of ours in the browser's console."""
    contexts: list[Any] = []
    said: list[str] = []

    def open_it(theme: str = "light", width: int = 1280, scripts: bool = True) -> Screen:
        context = browser.new_context(viewport={"width": width, "height": 1600}, color_scheme=theme)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("console", lambda line: said.append(f"{line.text} {line.location}") if line.type in ("error", "warning") else None)
        if not scripts:
            page.route("**/javascript/*.js*", lambda route: route.fulfill(body="", content_type="text/javascript"))
        page.route(re.compile(r"https://"), lambda route: route.abort())
        page.goto(f"{host.url}/?__theme={theme}")
        page.locator("#fewstep_txt2img_accordion input.input-accordion-checkbox").wait_for(state="visible")
        if scripts:
            page.locator("#fewstep_txt2img_accordion .fewstep-chip").first.wait_for(state="attached")
        return Screen(page)

    yield open_it
    for context in contexts:
        context.close()
    assert not [line for line in said if re.search("fewstep|accelerator", line, re.IGNORECASE)]


def walk(screen: Screen) -> Iterator[tuple[str, dict[str, Any]]]:
    """Through the states that show cards, and what they measure."""
    yield "on", screen.measured()
    screen.act("use:hyper-sd15-8")
    screen.wait("cannot")
    yield "cannot", screen.measured()
    screen.card("TCD").click()
    screen.wait("on")
    yield "on", screen.measured()
    screen.fold("fine").click()
    screen.number("steps", 49)
    screen.wait("slower")
    screen.fold("fine").click()
    yield "slower", screen.measured()
    screen.part("accordion").locator("input.input-accordion-checkbox").first.click()
    screen.wait("off")
    yield "off", screen.measured()


@pytest.mark.parametrize(("theme", "width"), [
    ("light", 1280), ("dark", 390),
    pytest.param("dark", 1280, marks=pytest.mark.slow), pytest.param("light", 390, marks=pytest.mark.slow),
])
def test_every_state_has_its_colour_its_height_and_can_be_read(opened: Callable[..., Screen], theme: str, width: int) -> None:
    screen = opened(theme, width).open()
    screen.page.locator("#txt2img_neg_prompt textarea").fill("blurry")
    tops = []
    for state, found in walk(screen):
        assert (found["state"], found["border"]) == (state, "4px")
        assert found["colour"] == found["icon"] == COLOURS[state][theme == "dark"], state
        if width == 1280:
            assert found["height"] == 116, state
        assert found["columns"] == (3 if width == 1280 else 2)
        pale = [text for text in found["texts"] if text["contrast"] < 4.5]
        assert not pale, pale
        small = [text for text in found["texts"] if text["size"] < 12 and text["text"] not in "▼◀"]
        assert not small, small
        assert not found["wide"] and not found["overlaps"]
        tops.append(found["cards"])
    assert width == 390 or len(set(tops)) == 1, tops


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_moves_when_another_card_is_chosen(opened: Callable[..., Screen], width: int) -> None:
    screen = opened(width=width).open()
    tops = []
    for card in ("TCD", "LCM", "Auto"):
        screen.card(card).click()
        screen.until(lambda name=card: screen.chosen().startswith(name))
        screen.page.wait_for_timeout(500)
        tops.append(screen.measured()["cards"])
    assert len(set(tops)) == 1


def test_cards_have_their_facts_and_their_value_is_a_key(opened: Callable[..., Screen]) -> None:
    screen = opened().open()
    texts = screen.page.evaluate(
        """() => [...document.querySelectorAll("#fewstep_txt2img_method label")].map((label) => [
            label.textContent.trim(), getComputedStyle(label, "::before").content, getComputedStyle(label, "::after").content,
            label.querySelector("input").getAttribute("aria-label")])"""
    )
    assert texts[:2] == [
        ["Auto", '"Now TCD, 4 steps"', '"Best of what is installed"', "Auto, Now TCD, 4 steps, Best of what is installed"],
        ["TCD", '"4 steps, 10× faster"', '"Negative prompt works"', "TCD, 4 steps, 10× faster, Negative prompt works"],
    ]


@pytest.mark.parametrize("closed", [True, False])
def test_a_narrow_title_bar_keeps_its_name_on_one_line(opened: Callable[..., Screen], closed: bool) -> None:
    screen = opened(width=390).open()
    screen.act("use:hyper-sd15-8")
    screen.wait("cannot")
    if closed:
        screen.fold("accordion").locator("span").first.click()
        screen.part("accordion").locator("input.input-accordion-checkbox").first.click()
        screen.until(lambda: "own 20 steps" in screen.part("accordion").locator(".fewstep-chip").first.inner_text())
    box, name = (screen.fold("accordion").locator(each).first.bounding_box() for each in ("input", "span"))
    assert name["height"] < 1.8 * box["height"], "the name stands beside the box, not under it"


def test_the_chosen_card_that_cannot_run_is_marked(opened: Callable[..., Screen]) -> None:
    screen = opened().open()
    screen.act("use:hyper-sd15-8")
    screen.wait("cannot")
    marks = screen.page.evaluate(
        """(cards) => [...document.querySelectorAll(`${cards} > span`)].map((name) => getComputedStyle(name, "::after").content)""", CARDS
    )
    assert marks == ["none", "none", "none", '"not installed"']


def test_the_closed_title_bar_says_it_and_nothing_says_it_runs_while_it_is_off(opened: Callable[..., Screen]) -> None:
    screen = opened()
    chip = screen.part("accordion").locator(".fewstep-chip").first
    assert chip.inner_text() == "Off" and chip.is_visible()
    screen.open()
    assert not chip.is_visible()
    screen.fold("accordion").locator("span").first.click()  # closes, and switches off
    screen.until(lambda: chip.is_visible() and chip.inner_text() == "Off")
    screen.open()
    screen.part("accordion").locator("input.input-accordion-checkbox").first.click()
    screen.wait("off")
    assert screen.headline() == "Your own 20 steps run"
    screen.page.get_by_role("button", name="Turn on").first.click()
    screen.wait("on")
    assert screen.headline() == "4 steps, up to 10× faster"


def test_with_the_keyboard_alone(opened: Callable[..., Screen]) -> None:
    screen = opened().open()
    screen.page.locator(f"{CARDS}:has(input:checked) input").focus()
    screen.page.keyboard.press("ArrowRight")
    screen.until(lambda: screen.chosen().startswith("TCD"))
    screen.page.keyboard.press("ArrowRight")
    screen.page.keyboard.press("ArrowRight")
    screen.until(lambda: screen.chosen().startswith("Auto"))
    order = []
    for _ in range(6):
        screen.page.keyboard.press("Tab")
        order.append(screen.page.evaluate("document.activeElement.textContent.trim().replace(/[▼◀\\s]+$/, '')"))
    assert order[0] == "", "the switch, whose name stands beside it"
    assert [text for text in order if text][:3] == ["Fine-tune", "More methods", "Details"]
    screen.fold("details").focus()
    assert screen.fold("details").get_attribute("aria-expanded") == "false"
    screen.page.keyboard.press("Enter")
    screen.until(lambda: screen.part("details_list").is_visible() and screen.fold("details").get_attribute("aria-expanded") == "true")
    outline = screen.page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
    assert outline == "2px"


def test_what_is_changed_has_a_dot_and_reset_takes_it_away(opened: Callable[..., Screen]) -> None:
    screen = opened().open()
    screen.fold("fine").click()
    fold = screen.fold("fine")
    assert fold.get_attribute("data-hint") == "as recommended"
    screen.number("steps", 9)
    screen.until(lambda: fold.get_attribute("data-hint") == "1 changed")
    assert screen.part("steps").get_attribute("data-changed") and not screen.part("cfg").get_attribute("data-changed")
    label = "document.querySelector('#fewstep_txt2img_steps [data-testid=block-info]')"
    assert screen.page.evaluate(f"getComputedStyle({label}, '::before').content") == '"●"'
    screen.part("reset").click()
    screen.until(lambda: fold.get_attribute("data-hint") == "as recommended" and not screen.part("steps").get_attribute("data-changed"))


def test_the_hosts_own_controls_say_who_decides(opened: Callable[..., Screen]) -> None:
    screen = opened().open()
    control = screen.page.locator("#txt2img_steps").first
    screen.until(lambda: control.get_attribute("data-decided") == "Accelerator decides")
    screen.part("accordion").locator("input.input-accordion-checkbox").first.click()
    screen.until(lambda: control.get_attribute("data-decided") is None)


def test_what_is_seen_first_holds_no_technical_word(opened: Callable[..., Screen]) -> None:
    screen = opened().open()
    for _, found in walk(screen):
        assert not [text for text in found["texts"] if TECHNICAL.search(text["text"])]


def test_without_the_script_a_method_can_be_chosen_and_the_panel_is_right(opened: Callable[..., Screen]) -> None:
    screen = opened(scripts=False)
    screen.part("accordion").locator(".label-wrap > span").first.click()
    screen.until(lambda: screen.page.locator("#fewstep_txt2img_status .fewstep-status").count() > 0 and screen.state == "on")
    screen.card("LCM").click()
    screen.until(lambda: "LCM with its LoRA" in screen.part("status").inner_text())
    screen.fold("fine").click()
    screen.number("steps", 6)
    screen.until(lambda: screen.headline().startswith("6 steps"))


def test_nothing_installed_shows_a_start_and_nothing_to_set(opened: Callable[..., Screen], host: Client) -> None:
    folder = host.log.parent / "models" / "Lora"
    away = folder.rename(folder.with_name("away"))
    try:
        folder.mkdir()
        host.post("/sdapi/v1/refresh-loras", {})
        screen = opened().open()
        screen.wait("setup")
        found = screen.measured()
        assert (found["height"] == 116, found["colour"]) == (True, COLOURS["setup"][0])
        for name in ("choose", "fine", "details", "method", "compare", "steps"):
            assert not screen.part(name).is_visible(), name
        assert screen.part("start").locator(".fewstep-button").count() == 4
        assert not [text for text in found["texts"] if text["contrast"] < 4.5 or TECHNICAL.search(text["text"])]
    finally:
        shutil.rmtree(folder)
        away.rename(folder)
        host.post("/sdapi/v1/refresh-loras", {})


def plot_of(screen: Screen) -> list[str]:
    """What the X/Y/Z plot's controls show."""
    script = screen.page.locator("#txt2img_script_container #script_list input").first
    axes = [screen.page.locator(f"#script_txt2img_xyz_plot_{axis}_type input").first for axis in "xyz"]
    return [control.input_value() for control in (script, *axes, screen.page.locator("#script_txt2img_xyz_plot_x_values textarea").first)]


@pytest.mark.parametrize("stopped", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["to-its-end", "stopped"])
def test_compare_makes_pictures_and_puts_the_plot_back(opened: Callable[..., Screen], stopped: bool) -> None:
    screen = opened().open()
    screen.page.locator("#txt2img_prompt textarea").fill("a red circle")
    before = plot_of(screen)
    assert screen.part("compare").inner_text().startswith(("Compare all: 3 pictures in ", "Compare all: 3 pictures, about "))
    screen.part("compare").click()
    screen.wait("comparing")
    assert screen.headline().startswith("3 pictures")
    if stopped:
        screen.part("status").get_by_role("button", name="Stop").click()
    screen.wait("on")
    screen.until(lambda: plot_of(screen) == before)
    if not stopped:
        screen.until(lambda: screen.page.locator("#txt2img_gallery img").count() > 0)


def test_a_comparison_that_cannot_start_puts_the_plot_back(opened: Callable[..., Screen]) -> None:
    screen = opened().open()
    before = plot_of(screen)
    screen.page.evaluate("document.querySelector('#txt2img_generate').remove()")
    screen.part("compare").click()
    screen.wait("comparing")
    screen.wait("on")
    assert plot_of(screen) == before
