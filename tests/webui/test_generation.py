"""What a generation is: every method, asked for over HTTP, judged by what the UNet was asked and by the picture."""
from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lib_fewstep.core.profiles import Profile
from lib_fewstep.core.request import recommended

from .client import PROMPT, Result, WebUI
from .hosts import EMBEDDED, TABLES, methods_of

EULER_METHOD = {"sd15": "hyper-sd15-4", "sdxl": "lightning-4"}
"""A method that runs on the host's own Euler and Simple: what it makes can be made by hand."""
ROUNDING = 0.5
"""Mean difference, of 255. The same picture, made in a batch or with other work beside it, differs by the rounding of sums."""


def same(one: np.ndarray, other: np.ndarray) -> bool:
    """The same picture, up to rounding."""
    return one.shape == other.shape and difference(one, other) <= ROUNDING


def differ(webui: WebUI, one: np.ndarray, other: np.ndarray) -> bool:
    """Whether another text made another picture: one that can be seen, or any at all where random weights heed the text little."""
    return bool((one != other).any()) and (webui.running.host.heeds_text_little(webui.family) or not same(one, other))


def difference(one: np.ndarray, other: np.ndarray) -> float:
    """Mean difference, of 255."""
    return float(np.abs(one - other).mean())


def published_timesteps(rule: Any, steps: int) -> list[int] | None:
    """Timesteps by the formulas of diffusers' schedulers, written anew; None where the host's schedule decides."""
    if rule == "lcm":
        grid = (np.arange(1, 51) * 20 - 1)[::-1]
        return grid[np.floor(np.linspace(0, 50, steps, endpoint=False)).astype(int)].tolist()
    if rule == "trailing":
        return (np.round(np.arange(1000, 0, -1000 / steps))[:steps] - 1).astype(int).tolist()
    if rule == "perflow":  # PeRFlowScheduler: a linspace a window, the first ones longer; a host cannot ask at 1000
        shares = [steps // 4 + (i < steps % 4) for i in range(4)]
        parts = [np.linspace(1 - i / 4, 0.75 - i / 4, num=n, endpoint=False) for i, n in enumerate(shares)]
        return np.minimum((np.concatenate(parts) * 1000).astype(int), 999).tolist()
    return None if rule is None else list(rule[:steps])


def by_hand(webui: WebUI, **fields: Any) -> dict[str, Any]:
    """The fields that make by hand what `EULER_METHOD` makes: tag, steps, CFG, sampler, schedule. Skips where that schedule is unknown."""
    if not has_simple(webui):
        pytest.skip(f"{webui.name} has no schedule Simple: nobody can make this by hand there")
    plan = webui.plan(method=EULER_METHOD[webui.family])
    settings = {"steps": plan["steps"], "cfg_scale": plan["cfg"], "sampler_name": plan["sampler"], "scheduler": "Simple"}
    return {"prompt": f"{fields.pop('prompt', PROMPT)} {plan['tag']}", **settings, **fields}


def has_simple(webui: WebUI) -> bool:
    return any(schedule["label"] == "Simple" for schedule in webui.get("/sdapi/v1/schedulers"))


def best_method(webui: WebUI) -> str:
    """What Auto comes down to where every method's LoRA is installed."""
    installed = {profile.key for profile in methods_of(webui.family)}
    return next(key for key in TABLES.auto_order if key in installed)


def assert_no_option_changed(webui: WebUI, before: dict[str, Any], result: Result) -> None:
    assert webui.options() == before
    assert result.probe["options_changed"] == {}


# --------------------------------------------------------------------------------------------------------------- every row


def test_a_method_is_asked_of_the_unet_exactly(webui: WebUI, method: Profile) -> None:
    before, lora = webui.options(), webui.lora_of(method)
    result = webui.txt2img({"method": method.key, "lora": lora})
    steps, cfg = int(method.steps.default), method.cfg.default
    expected = published_timesteps(method.timesteps, steps)
    assert len(result.passes) == 1
    if expected is not None:
        assert result.timesteps() == pytest.approx(expected, abs=1)
        assert result.evaluations == steps * (1 if cfg == 1 else 2)
    assert result.evaluations == webui.plan(method=method.key, lora=lora)["evaluations"]
    weight = recommended(method, "weight")
    assert result.loras == [{"name": lora, "unet": pytest.approx(weight), "te": pytest.approx(weight)}]
    fields = result.passes[0]["fields"]
    assert (fields["steps"], fields["cfg_scale"], fields["sampler_name"]) == (steps, cfg, method.sampler)
    assert_no_option_changed(webui, before, result)
    assert result.image.std() > 1
    assert f"Steps: {steps}, Sampler: {method.sampler}" in result.infotext
    assert f"CFG scale: {cfg:g}" in result.infotext.replace(f"{cfg:.1f}", f"{cfg:g}")
    assert f"Accelerator: {method.key}, Accelerator LoRA: {lora}" in result.infotext
    assert result.probe["prompts"] == [f"{PROMPT} <lora:{lora}:{weight:g}>"]
    assert result.comments == ""


def test_a_picture_restores_its_own_making(webui: WebUI, method: Profile) -> None:
    made = webui.txt2img({"method": method.key, "lora": webui.lora_of(method)})
    read = webui.restored(made.files[0])
    assert read["Prompt"] == PROMPT
    accelerator = {
        "method": read["Accelerator"], "lora": read["Accelerator LoRA"], "steps": read["Steps"], "cfg": read["CFG scale"],
        "weight": read.get("Accelerator weight"), "gamma": read.get("Accelerator gamma"), "nag": read.get("Accelerator NAG", 0),
    }
    again = webui.txt2img(accelerator, prompt=read["Prompt"], seed=int(read["Seed"]))
    assert again.infotext == made.infotext
    assert again.files == made.files


# --------------------------------------------------------------------------------------------------------------- restoring


@pytest.mark.parametrize("settings", [{}, {"steps": 3, "weight": 0.7, "cfg": 1.5}, {"method": "tcd", "gamma": 0.6, "weight": 0.85}])
def test_what_differs_from_the_row_is_restored_too(webui: WebUI, settings: dict[str, Any]) -> None:
    made = webui.txt2img({"method": "lcm", **settings}, negative_prompt="blue square")
    read = webui.restored(made.files[0])
    assert "Override settings" not in read
    accelerator = {
        "method": read["Accelerator"], "lora": read["Accelerator LoRA"], "steps": read["Steps"], "cfg": read["CFG scale"],
        "weight": read.get("Accelerator weight"), "gamma": read.get("Accelerator gamma"),
    }
    again = webui.txt2img(accelerator, prompt=read["Prompt"], negative_prompt=read["Negative prompt"], seed=int(read["Seed"]))
    assert again.infotext == made.infotext
    assert again.files == made.files


def test_a_request_with_nothing_but_the_infotext_makes_the_same_picture(webui: WebUI) -> None:
    made = webui.txt2img({"method": "tcd", "gamma": 0.6, "weight": 0.85})
    if webui.request("POST", "/sdapi/v1/txt2img", json={"infotext": "red circle\nSteps: 1, Seed: 1, Size: 64x64"}).status_code == 500:
        pytest.skip("this WebUI itself fails on any infotext in a request")
    unset = dict.fromkeys(("prompt", "width", "height", "seed", "sampler_name", "steps", "cfg_scale"))
    again = webui.txt2img(infotext=made.infotext, **unset)
    assert again.loras == made.loras
    assert (again.image == made.image).all()


def test_a_picture_made_without_us_says_nothing_of_us(webui: WebUI) -> None:
    read = webui.restored(webui.txt2img().files[0])
    assert not [key for key in read if key.startswith("Accelerator")]


# ------------------------------------------------------------------------------------------------------------------ inputs


@pytest.mark.parametrize("name", ["auto", "Auto", None, ""])
def test_auto_takes_the_best_lora_that_fits(webui: WebUI, name: str | None) -> None:
    result = webui.txt2img({"method": name})
    assert f"Accelerator: {best_method(webui)}" in result.infotext and len(result.loras) == 1


def test_auto_takes_the_tag_in_the_prompt_at_its_weight(webui: WebUI) -> None:
    plan = webui.plan(method=EULER_METHOD[webui.family])
    tag = f"<lora:{plan['lora']}:0.65>"
    result = webui.txt2img({}, prompt=f"{tag} {PROMPT}")
    assert result.probe["prompts"] == [f"{tag} {PROMPT}"]
    assert [(lora["name"], lora["unet"]) for lora in result.loras] == [(plan["lora"], pytest.approx(0.65))]
    assert f"Accelerator: {plan['method']}" in result.infotext and "Accelerator LoRA" not in result.infotext
    assert result.timesteps() == pytest.approx([999, 749, 499, 249], abs=1)


def test_another_lora_in_the_prompt_stays_beside_ours(webui: WebUI, style: str) -> None:
    result = webui.txt2img({"method": "lcm"}, prompt=f"{PROMPT} <lora:{style}:0.5>")
    assert sorted(lora["name"] for lora in result.loras) == sorted([style, webui.plan(method="lcm")["lora"]])
    assert not result.comments


def test_a_lora_that_is_not_there_does_not_take_ours_along(webui: WebUI) -> None:
    """Forge and reForge load none where one is unknown: then the user's own settings run, and the note says why."""
    prompt = f"{PROMPT} <lora:no-such-style:0.6>"
    result = webui.txt2img({"method": "lcm"}, prompt=prompt)
    if "Accelerator: lcm" in result.infotext:
        assert [lora["name"] for lora in result.loras] == [webui.plan(method="lcm")["lora"]]
    else:
        assert "<lora:no-such-style:0.6>" in result.comments and "loads no LoRA at all" in result.comments
        assert webui.kind in ("forge", "reforge") and (result.image == webui.txt2img(prompt=prompt).image).all()


def test_two_accelerators_in_the_prompt_are_refused(webui: WebUI) -> None:
    first, second = webui.plan(method="lcm")["tag"], webui.plan(method="tcd")["tag"]
    result = webui.txt2img({}, prompt=f"{PROMPT} {first} {second}")
    assert "2 accelerator LoRAs" in result.comments
    assert "Steps: 6, Sampler: Euler" in result.infotext and "Accelerator" not in result.infotext


HOSTILE: list[dict[str, Any]] = [
    {"method": "no-such-method"}, {"method": 5}, {"method": ["lcm"]}, {"method": {"a": 1}}, {"method": "<script>alert(1)</script>"},
    {"lora": 5}, {"lora": "../../etc/passwd"}, {"lora": "\x00"}, {"x" * 10000: 1},
    *({"method": "lcm", **wrong} for wrong in (
        {"steps": "many"}, {"steps": 1e300}, {"steps": -1}, {"steps": 2.5}, {"steps": True}, {"cfg": "NaN"}, {"cfg": [1]},
        {"weight": "Infinity"}, {"gamma": {}}, {"nonsense": 1}, {"prompt": "x"}, {"enabled": "perhaps"},
    )),
]


@pytest.mark.parametrize("arguments", HOSTILE, ids=lambda value: repr(value)[:40])
def test_what_cannot_be_used_is_named_and_breaks_nothing(webui: WebUI, arguments: Any) -> None:
    before = webui.options()
    result = webui.txt2img(arguments)
    assert result.image.std() > 1
    assert_no_option_changed(webui, before, result)
    if arguments.get("enabled") is None:
        assert result.comments.startswith("Accelerator: ")
        assert len(result.comments) < 2000


@pytest.mark.parametrize("arguments", [[None], [5], ["lcm"], [[]], [True, 7, 7, "a", {}, [], None, 4, 5, 6], [True, None, None, None], []])
def test_hostile_positional_arguments_break_nothing(webui: WebUI, arguments: list[Any]) -> None:
    before = webui.options()
    result = webui.txt2img(arguments)
    assert result.image.std() > 1
    assert_no_option_changed(webui, before, result)


def test_the_positional_list_works(webui: WebUI) -> None:
    plan = webui.plan(method="tcd")
    result = webui.txt2img([True, "tcd", plan["lora"], 5, 1.0, 0.8, 0.5, "tcd"])
    assert result.loras[0]["unet"] == pytest.approx(0.8)
    assert "Accelerator weight: 0.8, Accelerator gamma: 0.5" in result.infotext and "Steps: 5" in result.infotext
    as_dict = webui.txt2img({"method": "tcd", "lora": plan["lora"], "steps": 5, "weight": 0.8, "gamma": 0.5})
    assert as_dict.files == result.files


def test_the_users_own_values_win_and_earn_a_note_outside_the_range(webui: WebUI) -> None:
    result = webui.txt2img({"method": EULER_METHOD[webui.family], "steps": 3, "cfg": 3, "weight": 0.25})
    assert result.timesteps() == pytest.approx([999, 666, 332], abs=1)
    assert result.evaluations == 6 and result.loras[0]["unet"] == pytest.approx(0.25)
    for note in ("Steps 3 is outside", "CFG 3 is outside", "LoRA weight 0.25 is outside"):
        assert note in result.comments


# ----------------------------------------------------------------------------------------------------------------- refusals


def test_a_lora_of_another_family_is_refused(webui: WebUI) -> None:
    wrong = {"sd15": "sdxl_lightning_4step_lora", "sdxl": "Hyper-SD15-4steps-lora"}[webui.family]
    result = webui.txt2img({"lora": wrong})
    assert f"'{wrong}' was made for" in result.comments
    assert result.loras == [] and "Steps: 6, Sampler: Euler" in result.infotext and "Accelerator" not in result.infotext
    assert (result.image == webui.txt2img().image).all()


def test_a_method_of_another_family_is_refused(webui: WebUI) -> None:
    wrong = {"sd15": "lightning-4", "sdxl": "hyper-sd15-4"}[webui.family]
    result = webui.txt2img({"method": wrong})
    assert "is made for" in result.comments and (result.image == webui.txt2img().image).all()


def test_a_lora_that_is_not_there_is_refused(webui: WebUI) -> None:
    result = webui.txt2img({"lora": "no-such-lora"})
    assert "'no-such-lora' is not installed" in result.comments and (result.image == webui.txt2img().image).all()


def test_an_unreadable_lora_is_refused(webui: WebUI) -> None:
    broken = webui.running.data / "models" / "Lora" / "lcm-lora-broken-sdv1-5.safetensors"
    broken.write_bytes(b"\xff" * 100)
    try:
        webui.post("/sdapi/v1/refresh-loras")
        result = webui.txt2img({"lora": broken.stem})
        assert "unreadable" in result.comments and (result.image == webui.txt2img().image).all()
        assert "Accelerator: lcm" in webui.txt2img({"method": "lcm"}).infotext
    finally:
        broken.unlink()
        webui.post("/sdapi/v1/refresh-loras")


def test_with_no_lora_installed_the_users_settings_run(webui: WebUI) -> None:
    folder = webui.running.data / "models" / "Lora"
    plain = webui.txt2img()
    folder.rename(folder.with_name("Lora-away"))
    folder.mkdir()
    try:
        webui.post("/sdapi/v1/refresh-loras")
        for arguments in ({}, {"method": "lcm"}):
            result = webui.txt2img(arguments)
            assert "installed" in result.comments
            assert (result.image == plain.image).all() and result.infotext == plain.infotext
    finally:
        folder.rmdir()
        folder.with_name("Lora-away").rename(folder)
        webui.post("/sdapi/v1/refresh-loras")
    assert "Accelerator: lcm" in webui.txt2img({"method": "lcm"}).infotext


# ------------------------------------------------------------------------------------------------------------------ batches


@pytest.mark.parametrize("key", ["lcm", "tcd"])
def test_a_batch_holds_the_pictures_made_alone(webui: WebUI, key: str) -> None:
    alone = [webui.txt2img({"method": key}, seed=seed).image for seed in (100, 101)]
    together = webui.txt2img({"method": key}, seed=100, batch_size=2)
    in_turn = webui.txt2img({"method": key}, seed=100, n_iter=2)
    assert together.evaluations == 8 and len(in_turn.passes) == 2
    assert not same(*alone)
    for made in (together, in_turn):
        pictures = made.images[-2:]  # a grid may come first
        assert same(alone[0], pictures[0]) and same(alone[1], pictures[1])
    assert len({text.split("Seed: ")[1][:3] for text in in_turn.info["infotexts"][-2:]}) == 2


# ------------------------------------------------------------------------------------------------------- samplers by hand


def test_the_samplers_are_listed_once(webui: WebUI) -> None:
    names = [sampler["name"] for sampler in webui.get("/sdapi/v1/samplers")]
    assert names.count("LCM Few-Step") == names.count("TCD Few-Step") == 1


def test_perflows_sampler_chosen_by_hand_visits_its_windows(webui: WebUI) -> None:
    result = webui.txt2img(sampler_name="PeRFlow Few-Step", scheduler="Automatic", steps=6, cfg_scale=2)
    assert "Sampler: PeRFlow Few-Step" in result.infotext
    assert result.timesteps() == pytest.approx([999, 875, 750, 625, 500, 250], abs=1)


@pytest.mark.parametrize("sampler", ["LCM Few-Step", "TCD Few-Step"])
def test_a_sampler_chosen_by_hand_visits_the_lcm_grid(webui: WebUI, sampler: str) -> None:
    result = webui.txt2img(sampler_name=sampler, scheduler="Automatic", steps=4, cfg_scale=1)
    assert f"Sampler: {sampler}" in result.infotext
    assert result.timesteps() == pytest.approx([999, 759, 499, 259], abs=1)


@pytest.mark.parametrize("sampler", ["LCM Few-Step", "TCD Few-Step"])
def test_a_sampler_chosen_by_hand_works_with_every_schedule(webui: WebUI, sampler: str) -> None:
    labels = [schedule["label"] for schedule in webui.get("/sdapi/v1/schedulers")]
    assert len(labels) > 3
    for label in labels:
        for steps in (1, 4):
            fields = {"scheduler": label, "steps": steps, "cfg_scale": 1.5}
            try:
                result = webui.txt2img(sampler_name=sampler, **fields)
            except AssertionError:  # Bong Tangent of Forge Neo divides by zero at one step
                with pytest.raises(AssertionError):
                    webui.txt2img(sampler_name="Euler", **fields)
                continue
            assert f"Sampler: {sampler}" in result.infotext
            assert result.image.std() > 1, f"{label}, {steps} steps: a flat picture"


# ---------------------------------------------------------------------------------------------------------------- prompts


def test_the_negative_prompt_switched_off_does_nothing_at_cfg_1_and_says_so(webui: WebUI) -> None:
    without = webui.txt2img({"method": "lcm"})
    with_one = webui.txt2img({"method": "lcm", "nag": 0}, negative_prompt="blue square")
    assert (with_one.image == without.image).all()
    assert with_one.evaluations == without.evaluations == 4
    assert "negative prompt has no effect at CFG 1" in with_one.comments and without.comments == ""


@pytest.mark.parametrize("hires", [False, True])
def test_the_negative_prompt_switched_off_is_not_even_encoded_at_cfg_1(webui: WebUI, hires: bool) -> None:
    fields = hires_fields(webui) if hires else {}
    result = webui.txt2img({"method": "lcm", "nag": 0}, negative_prompt="a text of its own", **fields)
    assert "Negative prompt: a text of its own" in result.infotext
    assert "a text of its own" not in [text for each in result.probe["encoded"] for text in each["texts"]]
    above = webui.txt2img({"method": "lcm", "cfg": 2}, negative_prompt="a text of its own", **fields)
    assert "a text of its own" in [text for each in above.probe["encoded"] for text in each["texts"]]


def test_the_negative_prompt_works_above_cfg_1(webui: WebUI) -> None:
    without = webui.txt2img({"method": "lcm", "cfg": 2})
    with_one = webui.txt2img({"method": "lcm", "cfg": 2}, negative_prompt="blue square")
    assert not same(with_one.image, without.image) and with_one.evaluations == 8


@pytest.mark.parametrize("prompt", [
    PROMPT, "red circle AND blue square", "red circle AND blue square :0.7", "red circle :0.6 AND blue square :1.3",
    "[red:blue:0.5] circle", "[red|blue] circle", "(red:1.4) [circle]", "red circle BREAK blue square", "red " * 90 + "circle", "",
])
def test_prompt_syntax_means_what_it_means_by_hand(webui: WebUI, prompt: str) -> None:
    ours = webui.txt2img({"method": EULER_METHOD[webui.family]}, prompt=prompt)
    theirs = webui.txt2img(**by_hand(webui, prompt=prompt))
    assert same(ours.image, theirs.image)
    assert ours.timesteps() == pytest.approx(theirs.timesteps(), abs=1) and ours.loras == theirs.loras


@pytest.mark.parametrize("prompt", ["red circle AND blue square", "red circle AND blue square :0.7", "poster 16:9"])
def test_weights_of_prompts_take_the_negative_prompt_in_as_by_hand(webui: WebUI, prompt: str) -> None:
    """uncond + sum of weight * (cond - uncond): at CFG 1, too, unless the weights are one."""
    if webui.kind == EMBEDDED:
        pytest.skip("the embedded host knows neither AND nor weights of prompts")
    fields = {"prompt": prompt, "negative_prompt": "green, big"}
    ours = webui.txt2img({"method": EULER_METHOD[webui.family], "nag": 0}, **fields)
    theirs = webui.txt2img(**by_hand(webui, **fields))
    assert same(ours.image, theirs.image) and ours.evaluations == theirs.evaluations


# ----------------------------------------------------------------------------------------------------------------- hires fix

HIRES: dict[str, Any] = {"enable_hr": True, "hr_scale": 2, "hr_upscaler": "Latent", "denoising_strength": 0.75}


def hires_fields(webui: WebUI) -> dict[str, Any]:
    forge = {"hr_additional_modules": ["Use same choices"]} if webui.kind in ("forge", "neo") else {}
    return {**HIRES, **({"hr_upscaler": "None"} if webui.kind == "neo" else {}), **forge}


@pytest.mark.parametrize("key", ["lcm", "tcd", "euler"])
def test_hires_fix_uses_the_method_in_both_passes(webui: WebUI, key: str) -> None:
    before, plan = webui.options(), webui.plan(method=EULER_METHOD[webui.family] if key == "euler" else key)
    result = webui.txt2img({"method": plan["method"]}, **hires_fields(webui))
    assert [each["hires"] for each in result.passes] == [False, True]
    assert result.timesteps(0) == pytest.approx(plan["timesteps"], abs=1)
    assert 1 <= len(result.timesteps(1)) <= 4
    for each in result.passes:
        assert [lora["name"] for lora in each["loras"]] == [plan["lora"]]
        assert all(call["batch"] == 1 for call in each["calls"])
    assert result.image.shape[:2] == (128, 128) and result.image.std() > 1
    assert "Hires prompt" not in result.infotext
    assert_no_option_changed(webui, before, result)


def test_hires_fix_of_its_own_prompt_and_steps(webui: WebUI) -> None:
    plan = webui.plan(method="lcm")
    result = webui.txt2img({"method": "lcm"}, hr_prompt="blue square", hr_second_pass_steps=3, **hires_fields(webui))
    assert [lora["name"] for each in result.passes for lora in each["loras"]] == [plan["lora"]] * 2
    assert f"Hires prompt: blue square {plan['tag']}" in result.infotext.replace('"', "")
    again = webui.txt2img({"method": "lcm"}, hr_prompt="blue square", hr_second_pass_steps=3, **hires_fields(webui))
    assert again.files == result.files


def test_a_hires_picture_restores(webui: WebUI) -> None:
    made = webui.txt2img({"method": "tcd"}, **hires_fields(webui))
    read = webui.restored(made.files[0])
    assert read["Prompt"] == PROMPT and read.get("Hires prompt", "") == ""


# ------------------------------------------------------------------------------------------------------------------ img2img


@pytest.mark.parametrize("key", ["lcm", "tcd", "euler"])
def test_img2img_uses_the_method(webui: WebUI, key: str) -> None:
    before, plan = webui.options(), webui.plan(method=EULER_METHOD[webui.family] if key == "euler" else key)
    start = webui.txt2img({"method": plan["method"]}).files[0]
    result = webui.img2img(start, {"method": plan["method"]}, seed=7)
    assert 1 <= len(result.timesteps()) <= 4 and all(call["batch"] == 1 for call in result.passes[0]["calls"])
    assert [lora["name"] for lora in result.loras] == [plan["lora"]]
    assert f"Accelerator: {plan['method']}" in result.infotext and result.image.std() > 1
    assert not same(result.image, webui.img2img(start, {"method": plan["method"]}, seed=8).image)
    assert_no_option_changed(webui, before, result)


# -------------------------------------------------------------------------------------------------------------- X/Y/Z plot


def plot(webui: WebUI, axes: dict[str, str], accelerator: Any = None, **fields: Any) -> Result:
    """An X/Y/Z plot over `axes` (label -> values), every cell a picture of its own behind the grids."""
    form = webui.script_form("x/y/z plot")
    labels, arguments = [control["label"] for control in form], [control["value"] for control in form]
    for i, letter in enumerate("XYZ"):
        place = labels.index(f"{letter} type")
        choices = [choice if isinstance(choice, str) else choice[0] for choice in form[place]["choices"]]
        label, values = list(axes.items())[i] if i < len(axes) else ("Nothing", "")
        as_text, as_list = (at for at, found in enumerate(labels) if found == f"{letter} values")
        arguments[place], arguments[as_text] = choices.index(label), values
        arguments[as_list] = [value.strip() for value in values.split(",")]
    arguments[labels.index("Include Sub Images")] = True
    return webui.txt2img(accelerator, script_name="x/y/z plot", script_args=arguments, **fields)


def test_the_axes_are_there_once(webui: WebUI) -> None:
    axes = webui.get("/probe/registry")["axes"]
    ours = [label for label in axes if label.startswith("[Accelerator] ")]
    names = ("Method", "LoRA", "LoRA weight", "Steps", "CFG", "Gamma", "NAG", "Shift", "Variety")
    assert ours == [f"[Accelerator] {name}" for name in names]


def test_a_plot_over_methods_makes_each_cell_as_if_alone(webui: WebUI) -> None:
    plot(webui, {"Seed": "1"})  # the plot of A1111 1.9 itself leaves options behind at its first run
    before, methods = webui.options(), ["None", "lcm", "tcd", EULER_METHOD[webui.family]]
    result = plot(webui, {"[Accelerator] Method": ", ".join(methods)})
    texts, pictures = result.info["infotexts"][-4:], result.images[-4:]
    for key, text, picture in zip(methods, texts, pictures, strict=True):
        alone = webui.txt2img(None if key == "None" else {"method": key})
        assert text == alone.infotext and same(picture, alone.image), key
    assert_no_option_changed(webui, before, result)


def test_a_plot_over_settings_notes_each_in_its_cell(webui: WebUI) -> None:
    axes = {"[Accelerator] Steps": "2, 3", "[Accelerator] Gamma": "0.1, 0.9", "[Accelerator] LoRA weight": "0.6, 1.1"}
    result = plot(webui, axes, {"method": "tcd"})
    cells = result.info["infotexts"][-8:]
    seen = [(int(text.split("Steps: ")[1].split(",")[0]), "gamma: 0.1" in text, "weight: 0.6" in text) for text in cells]
    assert len(set(seen)) == 8, cells
    assert all("Accelerator: tcd" in text for text in cells)


def test_a_plot_leaves_nothing_behind(webui: WebUI) -> None:
    plain = webui.txt2img()
    plot(webui, {"[Accelerator] Method": "lcm, tcd"})
    after = webui.txt2img()
    assert after.infotext == plain.infotext and after.files == plain.files


# ------------------------------------------------------------------------------------------------------------- Reload UI


def registered(webui: WebUI) -> dict[str, Any]:
    """The registry, but for Hypertile's axes, which A1111 1.9 loses when the UI is reloaded."""
    found = webui.get("/probe/registry")
    return {**found, "loaded": 0, "axes": [axis for axis in found["axes"] if not axis.startswith("[Hypertile]")]}


def test_reload_ui_leaves_one_of_everything(webui: WebUI) -> None:
    before = registered(webui)
    made = webui.txt2img({"method": "tcd"})
    for _ in range(10):
        webui.reload_ui()
    after = registered(webui)
    assert after == before
    for kind, name in (("samplers", "TCD Few-Step"), ("axes", "[Accelerator] Method"), ("settings", "fewstep_all_steps")):
        assert after[kind].count(name) == 1, kind
    again = webui.txt2img({"method": "tcd"})
    assert again.infotext == made.infotext and again.files == made.files
