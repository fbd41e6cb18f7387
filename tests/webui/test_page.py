"""What a user does on the page, in Chromium."""
from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .checkpoints import installed
from .client import PROMPT, WebUI
from .hosts import checkpoints_of
from .test_timesteps import within

MARKED = ("steps", "cfg_scale", "sampling")
LCM, TCD, AUTO = "lcm", "tcd", "auto"
"""Keys of methods: the values of the cards."""
SECONDS = 60_000
"""Milliseconds that a page may take for one thing."""


class Tab:
    """txt2img or img2img on an open page."""

    def __init__(self, page: Any, name: str):
        self.page, self.name = page, name

    def own(self, name: str) -> Any:
        """One of our controls. The oldest gradio writes some ids twice, on a block and in it."""
        return self.page.locator(f"#fewstep_{self.name}_{name}").first

    def host(self, name: str) -> Any:
        """One of the host's controls."""
        return self.page.locator(f"#{self.name}_{name}").first

    def switch(self, on: bool) -> None:
        """The accordion's title bar: opening switches on, closing off."""
        if self.is_on != on:
            self.own("accordion").locator(".label-wrap > span").first.click()
        if on:
            self.own("status").locator(".fewstep-status").first.wait_for(state="visible")
            wait_until(lambda: self.data().get("on") is True)
            self.unfold("fine")

    def unfold(self, name: str) -> None:
        title = self.own(name).locator(".label-wrap").first
        if title.is_visible() and "open" not in (title.get_attribute("class") or ""):
            title.click()

    def data(self) -> dict[str, Any]:
        """What Python has told the page's script."""
        carrier = self.page.locator(f"#fewstep_{self.name}_data [data-fewstep]").first
        return json.loads(carrier.get_attribute("data-fewstep") or "{}") if carrier.count() else {}

    @property
    def is_on(self) -> bool:
        return self.own("accordion").locator("input.input-accordion-checkbox").first.is_checked()

    @property
    def plan(self) -> str:
        """What exactly runs, in one line."""
        return self.data().get("summary", "")

    @property
    def details(self) -> str:
        return self.own("details_list").text_content() or ""

    @property
    def status(self) -> str:
        """What everybody sees of it."""
        return self.own("status").inner_text()

    def choose(self, key: str) -> None:
        """Clicks the method's card, or the button beside it in the list of those that have none."""
        wait_until(lambda: bool(self.data().get("keys")))
        keys = self.data()["keys"]
        if key in keys:
            self.own("method").locator("label").nth(keys.index(key)).click()
        else:
            self.unfold("more")
            self.page.evaluate("document.querySelectorAll('[id$=_more_list] details').forEach((each) => each.open = true)")
            self.own("more_list").locator(f'button[data-act="use:{key}"]').first.click()
        wait_until(lambda: self.data().get("method") == key)

    def act(self, what: str) -> None:
        """What a button in our HTML does."""
        self.page.evaluate(
            """([tab, what]) => {
                const button = document.createElement("button");
                button.dataset.act = what;
                document.querySelector(`#fewstep_${tab}_body`).append(button);
                button.click();
                button.remove();
            }""", [self.name, what])

    def pick(self, dropdown: Any, text: str) -> None:
        """Types into a dropdown and takes the first choice that is left."""
        field = dropdown.locator("input").first
        field.click()
        field.fill(text)
        dropdown.locator("ul li").first.filter(has_text=text).wait_for()
        field.press("Enter")

    def number(self, control: str) -> float:
        return float(self.own(control).locator("input[type=number]").input_value())

    def type_number(self, control: Any, value: float) -> None:
        field = control.locator("input[type=number]").first
        field.fill(f"{value:g}")
        field.press("Tab")

    def prompt(self, text: str, which: str = "prompt") -> None:
        field = self.host(which).locator("textarea")
        field.click()
        field.fill(text)

    def text(self, which: str) -> str:
        return self.host(which).locator("textarea").input_value()

    def method(self) -> str:
        """The key of the chosen card."""
        chosen = self.own("method").locator("input").evaluate_all("inputs => inputs.findIndex((input) => input.checked)")
        keys = self.data().get("keys", [])
        return keys[chosen] if 0 <= chosen < len(keys) else ""

    def marked(self) -> list[str]:
        """The host's controls that say "set by Accelerator"."""
        return [name for name in MARKED if "fewstep-overridden" in (self.host(name).get_attribute("class") or "")]

    def generate(self, seconds: int = SECONDS // 1000) -> str:
        """Presses Generate, waits for the picture, and returns the infotext under it."""
        info = self.page.locator(f"#html_info_{self.name}").first
        before = info.inner_text()
        self.host("generate").click()
        wait_until(lambda: info.inner_text() not in ("", before), seconds)
        self.host("gallery").locator("img").first.wait_for(state="visible")
        return info.inner_text()


def wait_until(condition: Callable[[], bool], seconds: int = SECONDS // 1000) -> None:
    """Polls, because a page's state is spread over what several events leave behind."""
    patience = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < patience, "the page did not come to the expected state"
        time.sleep(0.1)


def load(page: Any, address: str) -> Any:
    """Goes to the host's page and waits until it can be used."""
    page.set_default_timeout(SECONDS)
    page.goto(address)
    page.locator("#fewstep_txt2img_accordion input.input-accordion-checkbox").wait_for(state="visible")
    wait_until(lambda: page.locator("#txt2img_prompt[data-fewstep-followed]").count() == 1)
    return page


@pytest.fixture
def open_page(webui: WebUI, browser: Any) -> Iterator[Callable[..., Any]]:
    """Opens the host's page; fails on errors that our script threw."""
    contexts: list[Any] = []
    errors: list[str] = []

    def open_it(theme: str = "light", width: int = 1280) -> Any:
        context = browser.new_context(viewport={"width": width, "height": 1600}, color_scheme=theme)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        return load(page, f"{webui.url}/?__theme={theme}")

    yield open_it
    for context in contexts:
        context.close()
    assert not [error for error in errors if "fewstep" in error.lower() or "accelerator" in error.lower()]


@pytest.fixture
def tab(open_page: Callable[..., Any]) -> Tab:
    tab = Tab(open_page(), "txt2img")
    for side in ("width", "height"):
        tab.type_number(tab.host(side), 64)
    return tab


def test_the_accordion_says_what_will_happen_and_does_it(tab: Tab) -> None:
    tab.switch(on=True)
    tab.choose(LCM)
    wait_until(lambda: tab.plan.startswith("LCM-LoRA: 4 steps, CFG 1, LCM Few-Step, <lora:"))
    assert (tab.number("steps"), tab.number("cfg"), tab.number("weight")) == (4, 1, 1)
    assert not tab.own("gamma").is_visible()
    wait_until(lambda: tab.marked() == list(MARKED))
    tab.prompt(PROMPT)
    info = tab.generate()
    assert "Steps: 4, Sampler: LCM Few-Step" in info and "Accelerator: lcm" in info


def test_a_method_fills_its_values_and_reset_brings_them_back(tab: Tab) -> None:
    tab.switch(on=True)
    tab.choose(TCD)
    wait_until(lambda: "TCD Few-Step, gamma 0.3" in tab.plan)
    wait_until(lambda: tab.own("gamma").is_visible())
    tab.type_number(tab.own("steps"), 6)
    wait_until(lambda: "TCD-LoRA: 6 steps" in tab.plan)
    tab.type_number(tab.own("weight"), 0.5)
    wait_until(lambda: ":0.5>" in tab.plan)
    tab.own("reset").click()
    wait_until(lambda: "TCD-LoRA: 4 steps" in tab.plan and ":1>" in tab.plan)
    wait_until(lambda: (tab.number("steps"), tab.number("weight"), tab.number("gamma")) == (4, 1, 0.3))
    tab.choose(LCM)
    wait_until(lambda: tab.plan.startswith("LCM-LoRA: 4 steps") and not tab.own("gamma").is_visible())


def test_the_line_follows_the_prompt(tab: Tab, webui: WebUI) -> None:
    tab.switch(on=True)
    tab.choose(AUTO)
    wait_until(lambda: "<lora:" in tab.plan)
    tab.prompt("a cat <lora:TCD-SD15-LoRA:0.7>" if webui.family == "sd15" else "a cat <lora:TCD-SDXL-LoRA:0.7>")
    wait_until(lambda: tab.plan.startswith("TCD-LoRA: 4 steps") and ":0.7>" in tab.plan)
    tab.prompt("dog", "neg_prompt")
    wait_until(lambda: "Negative prompt on" in tab.details)


def test_the_line_follows_the_checkpoint_chosen_at_the_top(webui: WebUI, open_page: Callable[..., Any]) -> None:
    name, profile = checkpoints_of(webui.family)[0]
    with installed(webui, name):
        tab = Tab(open_page(), "txt2img")
        top = tab.page.locator("#setting_sd_model_checkpoint, .model_selection").first
        if not top.count():
            pytest.skip("this WebUI has no choice of checkpoints on its page")
        tab.switch(on=True)
        wait_until(lambda: "<lora:" in tab.plan)
        try:
            tab.pick(top, name)
            wait_until(lambda: tab.plan.startswith(profile.label) and "No LoRA is added" in tab.details)
        finally:
            tab.page.close()  # AUTOMATIC1111's page asks for the checkpoint once more when it hears of the hash
            webui.load_checkpoint()
            webui.txt2img(steps=1)


def test_off_again_nothing_is_marked_or_changed(tab: Tab) -> None:
    assert tab.marked() == []
    tab.switch(on=True)
    wait_until(lambda: tab.marked() == list(MARKED))
    tab.switch(on=False)
    wait_until(lambda: tab.marked() == [])
    tab.type_number(tab.host("steps"), 2)
    tab.prompt(PROMPT)
    info = tab.generate()
    assert "Steps: 2," in info and "Accelerator" not in info


def test_an_infotext_pasted_into_the_prompt_restores_the_accordion(tab: Tab, webui: WebUI) -> None:
    made = webui.txt2img({"method": "tcd", "steps": 5, "gamma": 0.6, "weight": 0.85})
    tab.prompt(made.infotext)
    tab.page.locator("#txt2img_tools #paste").first.click()
    wait_until(lambda: tab.is_on and tab.method() == TCD)
    wait_until(lambda: "TCD-LoRA: 5 steps" in tab.plan and "gamma 0.6" in tab.plan and ":0.85>" in tab.plan)
    assert (tab.number("steps"), tab.number("gamma"), tab.number("weight")) == (5, 0.6, 0.85)
    assert tab.host("prompt").locator("textarea").input_value() == PROMPT
    info = tab.generate()
    assert _keys(info) == _keys(made.infotext)
    tab.prompt(webui.txt2img().infotext)
    tab.page.locator("#txt2img_tools #paste").first.click()
    wait_until(lambda: not tab.is_on and tab.marked() == [])


def paste(tab: Tab, infotext: str, prompt: str) -> None:
    """Pastes an infotext as the arrow under Generate does, and waits until the prompt is `prompt`."""
    tab.prompt(infotext)
    tab.page.locator("#txt2img_tools #paste").first.click()
    wait_until(lambda: tab.text("prompt") == prompt)


def state(tab: Tab) -> dict[str, Any]:
    """All that a paste may change and that a generation depends on."""
    own = {name: tab.number(name) for name in ("steps", "cfg", "weight")} if tab.is_on else {}
    if tab.is_on and "gamma" in tab.data()["asked"]:
        own["gamma"] = tab.number("gamma")
    lora = tab.own("lora").locator("input").first.input_value().partition(" — ")[0] if tab.is_on else ""  # what it is comes a moment later
    host = {name: tab.host(name).locator("input[type=number]").first.input_value() for name in ("steps", "cfg_scale", "width", "height")}
    texts = {name: tab.text(name) for name in ("prompt", "neg_prompt")}
    overrides = tab.host("override_settings")
    return {
        "on": tab.is_on, "method": tab.method() if tab.is_on else "", "lora": lora, **own, **texts, "host": host,
        "marked": tab.marked(), "overrides": overrides.inner_text() if overrides.is_visible() else "",
    }


def settled(tab: Tab) -> dict[str, Any]:
    """The state once nothing changes any more."""
    seen = [state(tab)]
    patience = time.monotonic() + SECONDS // 1000
    while len(seen) < 4 or any(each != seen[-1] for each in seen[-4:]):
        assert time.monotonic() < patience, "the page does not come to rest"
        time.sleep(0.4)
        seen.append(state(tab))
    return seen[-1]


@pytest.mark.parametrize(("accelerator", "prompt", "on"), [
    pytest.param({"method": "tcd", "steps": 5, "gamma": 0.6, "weight": 0.85}, PROMPT, True, id="ours"),
    pytest.param({"method": "lcm"}, f"{PROMPT} <lora:{{style}}:0.6>, big", True, id="ours-beside-a-style", marks=pytest.mark.slow),
    pytest.param({}, f"<lora:{{tcd}}:0.8> {PROMPT}", True, id="ours-with-the-users-tag", marks=pytest.mark.slow),
    pytest.param(None, PROMPT, False, id="without", marks=pytest.mark.slow),
    pytest.param(None, f"{PROMPT} <lora:{{style}}:0.6> <lora:{{tcd}}:1>", False, id="without-but-with-tags"),
])
def test_what_is_pasted_comes_back_exactly_and_twice_is_as_once(
    tab: Tab, webui: WebUI, style: str, accelerator: dict[str, Any] | None, prompt: str, on: bool
) -> None:
    prompt = prompt.format(style=style, tcd=webui.plan(method="tcd")["lora"])
    made = webui.txt2img(accelerator, prompt=prompt, negative_prompt="blue square", steps=7)
    paste(tab, webui.txt2img().infotext + ", ENSD: 31337", PROMPT)
    wait_until(lambda: "ENSD: 31337" in settled(tab)["overrides"])  # so it would be seen
    paste(tab, made.infotext, prompt)
    wait_until(lambda: tab.is_on == on)
    once = settled(tab)
    assert (once["prompt"], once["neg_prompt"], once["on"], once["overrides"]) == (prompt, "blue square", on, "")
    if on:
        asked = {**webui.plan(prompt=prompt, **(accelerator or {}))}
        assert once["method"] == asked["method"]
        assert (once["steps"], once["cfg"]) == (asked["steps"], asked["cfg"]) and once.get("gamma") == asked["gamma"]
        wait_until(lambda: asked["summary"].partition(": ")[2].split(",")[0] in tab.plan)
    paste(tab, made.infotext, prompt)
    assert settled(tab) == once
    assert _keys(tab.generate()) == _keys(made.infotext)


def test_the_button_upscale_makes_the_hires_pass_of_a_finished_picture(tab: Tab, webui: WebUI) -> None:
    if not tab.host("upscale").count():
        pytest.skip("this WebUI has no such button")
    tab.switch(on=True)
    tab.choose(LCM)
    wait_until(lambda: tab.plan.startswith("LCM-LoRA: 4 steps"))
    tab.prompt(PROMPT)
    before, began = tab.generate(), time.time()
    tab.host("gallery").locator("img").first.click()
    if tab.page.locator("#lightboxModal").is_visible():  # gradio 4 has chosen a single picture already: the click has enlarged it
        tab.page.locator(".modalClose").click()
    if webui.kind in ("forge", "reforge"):  # by itself, too, its button ends in an error with the default upscaler, a latent one
        hires = tab.host("hr").locator(".label-wrap > span").first
        hires.click()
        tab.pick(tab.host("hr_upscaler"), "Lanczos")
        hires.click()
    tab.host("upscale").click()
    wait_until(lambda: any("infotexts" in each for each in webui.generations(began)))
    made = webui.generations(began)[-1]
    passes = [each for each in made["passes"] if each["calls"]]
    assert [each["hires"] for each in passes] == [True]
    strength = passes[0]["fields"]["denoising_strength"]
    assert [call["t"][0] for call in passes[0]["calls"]] == pytest.approx(within("lcm", 4, strength), abs=1)
    assert [lora["name"] for lora in passes[0]["loras"]] == [webui.plan(method="lcm")["lora"]]
    assert all(call["batch"] == 1 for call in passes[0]["calls"])
    assert _keys(made["infotexts"][0])["Seed"] == _keys(before)["Seed"] and "Accelerator: lcm" in made["infotexts"][0]


def _keys(infotext: str) -> dict[str, str]:
    """Prompt and settings, however the page breaks the lines; the order is the host's."""
    pairs = re.findall(r"(Steps|Sampler|CFG scale|Seed|Size|Accelerator[\w ]*): ([^,\n]+)", infotext)
    return {key: str(float(value)) if re.fullmatch(r"[\d.]+", value) else value.strip() for key, value in pairs}


def test_a_picture_sent_to_img2img_takes_the_accelerator_along(tab: Tab) -> None:
    tab.switch(on=True)
    tab.choose(TCD)
    wait_until(lambda: "TCD Few-Step" in tab.plan)
    tab.prompt(PROMPT)
    tab.generate()
    if not tab.host("send_to_img2img").count():
        pytest.skip("this WebUI has no such button")
    tab.host("send_to_img2img").click()
    there = Tab(tab.page, "img2img")
    wait_until(lambda: there.is_on and there.method() == TCD)
    assert there.host("prompt").locator("textarea").input_value() == PROMPT
    info = there.generate()
    assert "Accelerator: tcd" in info and "Denoising strength" in info


@pytest.mark.parametrize(("theme", "width"), [
    ("light", 1280), ("dark", 390), pytest.param("dark", 1280, marks=pytest.mark.slow), pytest.param("light", 390, marks=pytest.mark.slow),
])  # fmt: skip
def test_the_page_looks_right(open_page: Callable[..., Any], webui: WebUI, screenshots: Path, theme: str, width: int) -> None:
    """The accordion fits the page's width; its picture is saved for a person to look at."""
    page = open_page(theme, width)
    tab = Tab(page, "txt2img")
    tab.switch(on=True)
    tab.choose(TCD)
    tab.prompt(PROMPT)
    tab.prompt("blue square", "neg_prompt")
    wait_until(lambda: "TCD Few-Step" in tab.plan and "Negative prompt on" in tab.details and tab.marked() == list(MARKED))
    name = f"{webui.name}-{webui.family}-{theme}-{width}"
    page.screenshot(path=screenshots / f"{name}-page.png", full_page=True)
    tab.own("accordion").screenshot(path=screenshots / f"{name}-accordion.png")
    box = tab.own("accordion").bounding_box()
    for part in ("status", "method", "lora", "steps", "cfg", "weight", "gamma", "reset", "compare", "more", "details"):
        inner = tab.own(part).bounding_box()
        assert inner["width"] > 0 and inner["x"] >= box["x"] - 1 and inner["x"] + inner["width"] <= box["x"] + box["width"] + 1, part


# ------------------------------------------------------------------------------------------------- compare, save, badges


def plot_of(tab: Tab) -> list[str]:
    """What the script's controls show."""
    script = tab.page.locator("#script_list:visible, #txt2img_script_container #script_list").first.locator("input").first
    axes = [tab.page.locator(f"#script_txt2img_xyz_plot_{axis}_type input").first for axis in "xyz"]
    values = tab.page.locator("#script_txt2img_xyz_plot_x_values textarea").first
    return [script.input_value(), *(axis.input_value() for axis in axes), values.input_value()]


@pytest.mark.slow
def test_compare_makes_the_pictures_and_leaves_the_plot_as_it_was(
    webui: WebUI, open_page: Callable[..., Any], screenshots: Path
) -> None:
    tab = Tab(open_page(), "txt2img")
    tab.prompt(PROMPT)
    for name in ("width", "height"):
        tab.type_number(tab.host(name), 64)
    tab.switch(True)
    before = plot_of(tab)
    pictures = int(re.search(r"(\d+) pictures", tab.own("compare").inner_text())[1])  # type: ignore[index]
    info = tab.page.locator("#html_info_txt2img").first
    tab.own("compare").click()
    if tab.data()["again"]:  # many pictures want a second press
        wait_until(lambda: tab.own("compare").get_attribute("data-again") == tab.data()["again"])
        tab.own("compare").click()
    wait_until(lambda: tab.data().get("state") == "comparing")
    tab.page.screenshot(path=screenshots / f"{webui.name}-{webui.family}-comparing.png", full_page=True)
    wait_until(lambda: info.inner_text() != "", 300)
    tab.host("gallery").locator("img").first.wait_for(state="visible")
    made = [each for each in webui.get("/probe/history") if each.get("passes")][-pictures:]
    asked = {each["passes"][0]["fields"]["sampler_name"] for each in made}
    assert len(made) == pictures and {"LCM Few-Step", "TCD Few-Step"} <= asked
    wait_until(lambda: tab.data().get("state") == "on" and plot_of(tab) == before)
    tab.page.screenshot(path=screenshots / f"{webui.name}-{webui.family}-compare.png", full_page=True)


def test_settings_saved_for_the_checkpoint_are_autos_until_they_are_forgotten(webui: WebUI, open_page: Callable[..., Any]) -> None:
    tab = Tab(open_page(), "txt2img")
    tab.switch(True)
    tab.choose(LCM)
    wait_until(lambda: tab.plan.startswith("LCM-LoRA"))
    tab.type_number(tab.own("weight"), 0.8)
    wait_until(lambda: ":0.8>" in tab.plan)
    tab.own("save").click()
    wait_until(lambda: tab.own("save").inner_text() == "Saved")
    try:
        result = webui.txt2img({})
        assert "Accelerator: lcm" in result.infotext and result.loras[0]["unet"] == pytest.approx(0.8)
        fresh = Tab(open_page(), "txt2img")
        fresh.switch(True)
        wait_until(lambda: fresh.number("weight") == 0.8 and "LCM-LoRA" in fresh.plan)
    finally:
        tab.own("forget").click()
        wait_until(lambda: not tab.own("forget").is_visible())
    assert webui.txt2img({}).infotext != result.infotext


def test_cards_say_what_their_files_are_taken_for(webui: WebUI, open_page: Callable[..., Any], screenshots: Path) -> None:
    if webui.family == "sdxl":
        pytest.skip("AUTOMATIC1111 hides the cards of LoRAs whose metadata do not say that they are for SDXL")
    page = open_page("dark")
    if not page.locator("#txt2img_extra_tabs").count():
        pytest.skip("this WebUI has no cards")
    page.locator("#txt2img_extra_tabs button", has_text="Lora").first.click()
    name = webui.plan(method="lcm")["lora"]
    badge = page.locator(f'#txt2img_lora_cards .card[data-name="{name}"] .fewstep-badge')
    badge.first.wait_for(state="attached")
    assert badge.count() == 1 and badge.inner_text() == "LCM-LoRA" and badge.get_attribute("title")
    page.screenshot(path=screenshots / f"{webui.name}-{webui.family}-cards.png")
