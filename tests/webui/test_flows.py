"""What else a user combines with a method: each is done twice, with the Accelerator and by hand, and comes out the same.

By hand is the LoRA's tag written out with steps, CFG, sampler and schedule. In img2img it is also the host's option "do exactly as many
steps as the slider says": with it, 4 steps at strength 0.5 of the schedule Simple are the last 4 of 8, which is what a method makes.
"""
from __future__ import annotations

import base64
import io
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from PIL import Image

from .client import PROMPT, Result, WebUI
from .hosts import EMBEDDED
from .test_generation import EULER_METHOD, ROUNDING, difference, has_simple, hires_fields
from .test_timesteps import within
from .variants import OTHER, install

Fields = dict[str, Any]
STRENGTH = 0.5


@dataclass(frozen=True)
class Flow:
    """Fields of a request; on which kinds of WebUI it does not exist; whether the picture must differ from one made without it."""

    fields: Callable[[WebUI], Fields]
    lacking: tuple[str, ...] = ()
    shows: bool = True
    hidden: tuple[str, ...] = ()
    """Families of checkpoints with which the host does nothing of the kind: SDXL takes no clip skip, and merges no tokens by default."""
    methods: tuple[str, ...] = ("euler", "lcm")
    strengths: tuple[float, ...] = ()
    """Of the passes that it makes, where they are not those of every request of its tab."""
    seen: int = 4
    """How many steps of a pass the probe sees: it watches the UNet that began."""


def options(**values: Any) -> Callable[[WebUI], Fields]:
    return lambda _: {"override_settings": values}


def fields(**values: Any) -> Callable[[WebUI], Fields]:
    return lambda _: values


def png(pixels: np.ndarray) -> str:
    buffer = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def refiner(webui: WebUI) -> Fields:
    """Another checkpoint from the half of the steps on. Neo would else wait for a noise level of 0.5."""
    by_steps = {"override_settings": {"refiner_use_steps": True}} if webui.kind == "neo" else {}
    return {"refiner_checkpoint": install(webui, OTHER), "refiner_switch_at": 0.5, **by_steps}


TXT2IMG: dict[str, Flow] = {
    "style": Flow(fields(styles=["square"]), lacking=(EMBEDDED,)),
    "comment": Flow(fields(prompt="red circle # and nothing else"), lacking=(EMBEDDED,), shows=False),
    "clip skip": Flow(
        lambda webui: {"override_settings": {"CLIP_stop_at_last_layers": 1 if webui.kind == "neo" else 2}},  # 2 is what Neo does by itself
        lacking=(EMBEDDED,), hidden=("sdxl",),
    ),
    "eta noise seed delta": Flow(options(eta_noise_seed_delta=31337), methods=("lcm",)),
    "initial noise of the SGM": Flow(options(sgm_noise_multiplier=True), shows=False),
    "tiling": Flow(fields(tiling=True), lacking=(EMBEDDED, "forge")),
    "variation": Flow(fields(subseed=99, subseed_strength=0.4)),
    "seed of another size": Flow(fields(seed_resize_from_h=128, seed_resize_from_w=96), lacking=(EMBEDDED,)),
    "token merging": Flow(options(token_merging_ratio=0.5), lacking=(EMBEDDED,), hidden=("sdxl",)),
    "face restoration": Flow(fields(restore_faces=True), lacking=(EMBEDDED,), shows=False),
    "batches": Flow(fields(batch_size=2, n_iter=2), shows=False),
    "wide": Flow(fields(width=192, height=64), shows=False),
    "hires": Flow(lambda webui: {**hires_fields(webui), "denoising_strength": STRENGTH}, strengths=(1.0, STRENGTH)),
    "refiner": Flow(refiner, lacking=(EMBEDDED,), seen=2),
    "hires checkpoint": Flow(
        lambda webui: {**hires_fields(webui), "denoising_strength": STRENGTH, "hr_checkpoint_name": install(webui, OTHER)},
        lacking=(EMBEDDED,), strengths=(1.0, STRENGTH),
    ),
    "prompt matrix": Flow(lambda webui: {**webui.script("prompt matrix"), "prompt": "red circle|blue|big"}, lacking=(EMBEDDED,)),
    "prompts from file": Flow(
        lambda webui: webui.script("prompts from file or textbox", List_of_prompt_inputs='blue square\n--prompt "big" --seed 5'),
        lacking=(EMBEDDED,),
    ),
}

def mask(**values: Any) -> Callable[[WebUI], Fields]:
    """The right half is to be made anew."""
    pixels = np.zeros((64, 64, 3))
    pixels[:, 32:] = 255
    return fields(mask=png(pixels), **{"inpaint_full_res": False, "inpainting_fill": 1, **values})


def sketch(_: WebUI) -> Fields:
    """A picture painted over, and the painted part as the mask."""
    painted, where = np.full((64, 64, 3), 90), np.zeros((64, 64, 3))
    painted[16:48, 16:48] = (250, 40, 10)
    where[16:48, 16:48] = 255
    return {"init_images": [png(painted)], "mask": png(where), "inpaint_full_res": False, "inpainting_fill": 1, "mask_blur": 4}


def soft_inpainting(webui: WebUI) -> Fields:
    return {**mask()(webui), "alwayson_scripts": {"Soft inpainting": {"args": [True, 1, 0.5, 4, 0, 0.5, 2]}}}


def sd_upscale(webui: WebUI) -> Fields:
    """Tile after tile. Neo has no upscaler without a model of its own: there the picture is as large from the start."""
    if webui.kind != "neo":
        return webui.script("sd upscale", img2img=True, Tile_overlap=16, Upscaler="Lanczos")
    across, down = np.meshgrid(np.linspace(0, 255, 128), np.linspace(0, 255, 128))
    large = png(np.stack([across, down, 255 - across], axis=-1))
    return {"init_images": [large], **webui.script("sd upscale", img2img=True, Tile_overlap=16, Upscaler="None")}


IMG2IMG: dict[str, Flow] = {
    "picture": Flow(fields(), shows=False),
    **{f"inpaint, masked content {fill}": Flow(mask(inpainting_fill=fill)) for fill in range(4)},
    "inpaint, blurred mask": Flow(mask(mask_blur=8)),
    "inpaint, not masked": Flow(mask(inpainting_mask_invert=1)),
    "inpaint, only masked": Flow(mask(inpaint_full_res=True, inpaint_full_res_padding=8), lacking=(EMBEDDED,)),
    "inpaint, only masked, filled": Flow(mask(inpaint_full_res=True, inpaint_full_res_padding=0, inpainting_fill=0), lacking=(EMBEDDED,)),
    "inpaint sketch": Flow(sketch),
    "soft inpainting": Flow(soft_inpainting, lacking=(EMBEDDED,)),
    "crop and resize": Flow(fields(resize_mode=1, width=128), shows=False),
    "resize and fill": Flow(fields(resize_mode=2, width=128), shows=False),
    "latent upscale": Flow(fields(resize_mode=3, width=128, height=128), lacking=(EMBEDDED,), shows=False),
    "batch": Flow(fields(batch_size=2, n_iter=2), shows=False),
    "colour correction": Flow(options(img2img_color_correction=True), lacking=(EMBEDDED,)),
    "extra noise": Flow(options(img2img_extra_noise=0.1)),
    "noise multiplier": Flow(fields(initial_noise_multiplier=0.8)),
    "loopback": Flow(
        lambda webui: webui.script("loopback", img2img=True, Loops=2, Final_denoising_strength=0.25), lacking=(EMBEDDED,),
        methods=("euler",), strengths=(0.5, 0.25),
    ),
    "SD upscale": Flow(sd_upscale, lacking=(EMBEDDED,), shows=False),
    "outpainting": Flow(
        lambda webui: webui.script("poor man's outpainting", img2img=True, Pixels_to_expand=32, Masked_content=0),
        lacking=(EMBEDDED, "neo"), shows=False,
    ),
}


def cases(flows: dict[str, Flow]) -> Any:
    rows = [(name, which) for name, flow in flows.items() for which in flow.methods]
    return pytest.mark.parametrize(("name", "which"), rows, ids=[f"{name.replace(' ', '-')}-{which}" for name, which in rows])


def key_of(webui: WebUI, which: str) -> str:
    return EULER_METHOD[webui.family] if which == "euler" else which


def users_options(webui: WebUI) -> Fields:
    """All options but the one in which the host notes which model is loaded."""
    return {name: value for name, value in webui.options().items() if name != "sd_checkpoint_hash"}


def asked(webui: WebUI, began: float) -> list[dict[str, Any]]:
    """The generations of one request, without the one step that goes before img2img."""
    return [each for each in webui.generations(began) if each["passes"][0]["fields"]["steps"] > 1]


def timesteps_of(generation: dict[str, Any]) -> list[list[float]]:
    """What the UNet was asked, pass by pass, each timestep once."""
    passes = [[call["t"][0] for call in each["calls"]] for each in generation["passes"]]
    return [[t for i, t in enumerate(seen) if i == 0 or t != seen[i - 1]] for seen in passes]


def hand(webui: WebUI, which: str, request: Fields) -> Fields:
    """`request` by hand: the tag in front, where a script's or a comment's end of the prompt does not reach it."""
    if which == "euler" and not has_simple(webui):
        pytest.skip(f"{webui.name} has no schedule Simple: nobody can make this by hand there")
    plan = webui.plan(method=key_of(webui, which))
    settings = {"steps": plan["steps"], "cfg_scale": plan["cfg"], "sampler_name": plan["sampler"],
                "scheduler": "Simple" if which == "euler" else "Automatic"}
    return {**request, "prompt": f"{plan['tag']} {request.get('prompt', PROMPT)}", **settings,
            "override_settings": {**request.get("override_settings", {}), "img2img_fix_steps": True}}


def rounding(webui: WebUI, ask: Callable[..., Result], by_hand: Fields, picture: Result) -> float:
    """How much a picture by hand may differ from ours, of 255: as from itself where the host adds up in another order. The tiny SDXL makes
    tens of a last digit, the others nothing.
    """
    if webui.family != "sdxl":
        return ROUNDING
    options = {**by_hand["override_settings"], "batch_cond_uncond": False}
    otherwise = ask(**{**by_hand, "override_settings": options})
    return ROUNDING + 2 * max(difference(one, other) for one, other in zip(picture.images, otherwise.images, strict=True))


@pytest.fixture
def plain(webui: WebUI) -> Iterator[Result]:
    """A generation without the Accelerator, which comes out the same after the test as before."""
    before = webui.txt2img(steps=3)
    yield before
    after = webui.txt2img(steps=3)
    assert after.files == before.files and after.infotext == before.infotext


def done_both_ways(webui: WebUI, which: str, flow: Flow, ask: Callable[..., Result], *usual: float) -> None:
    """Makes a flow with the Accelerator and by hand, and compares all there is to compare."""
    request = flow.fields(webui)
    webui.save_options(("img2img_fix_steps", *request.get("override_settings", ())))
    before, began = users_options(webui), time.time()
    ours = ask({"method": key_of(webui, which), "nag": 0}, **request)
    made = asked(webui, began)
    assert users_options(webui) == before
    with_hands = hand(webui, which, request)
    began, theirs = time.time(), ask(**with_hands)
    by_hand = asked(webui, began)
    assert [timesteps_of(each) for each in made] == [
        [pytest.approx(seen, abs=1) for seen in timesteps_of(each)] for each in by_hand
    ]
    rule = "trailing" if which == "euler" else "lcm"
    expected = [pytest.approx(within(rule, 4, strength)[: flow.seen], abs=1) for strength in flow.strengths or usual]
    assert all(any(seen == each for each in expected) for generation in made for seen in timesteps_of(generation))
    loras = [each["loras"] for generation in made for each in generation["passes"]]
    assert loras and all(len(each) == 1 and each == loras[0] for each in loras)
    assert len(ours.images) == len(theirs.images)
    allowed = rounding(webui, ask, with_hands, theirs)
    assert all(difference(one, other) <= allowed for one, other in zip(ours.images, theirs.images, strict=True))
    if flow.shows and webui.family not in flow.hidden:
        without = ask({"method": key_of(webui, which), "nag": 0})
        shows = not np.array_equal(ours.image, without.image)
        assert shows, "the picture is the same without it"


@cases(TXT2IMG)
def test_txt2img_with_a_method_is_txt2img_by_hand(webui: WebUI, plain: Result, name: str, which: str) -> None:
    flow = TXT2IMG[name]
    if webui.kind in flow.lacking:
        pytest.skip(f"{webui.name} has no {name}")
    done_both_ways(webui, which, flow, webui.txt2img, 1.0)


@cases(IMG2IMG)
def test_img2img_with_a_method_is_img2img_by_hand(webui: WebUI, plain: Result, name: str, which: str) -> None:
    flow = IMG2IMG[name]
    if webui.kind in flow.lacking:
        pytest.skip(f"{webui.name} has no {name}")

    def ask(accelerator: Any = None, **request: Any) -> Result:
        return webui.img2img_again(plain.files[0], accelerator, **{"denoising_strength": STRENGTH, "seed": 7, **request})

    done_both_ways(webui, which, flow, ask, STRENGTH)
