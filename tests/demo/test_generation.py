"""Generations: what the UNet is asked, what is reproducible, what is written down."""

from __future__ import annotations

import pytest

from .conftest import Client

SEEDS = (11, 12, 13)
STOCHASTIC = ("Euler", "Euler a", "LCM", "DPM++ SDE")


@pytest.mark.parametrize(
    ("sampler", "scheduler", "expected"),
    [
        ("LCM", "Automatic", [999, 679, 339, 19]),
        ("LCM", "Simple", [999, 759, 499, 259]),
        ("Euler", "SGM Uniform", [999, 749.25, 499.5, 249.75]),
        ("Euler", "Simple", [999, 749, 499, 249]),
        ("Euler", "Automatic", [999, 666, 333, 0]),
    ],
)
def test_timesteps_of_stock_samplers(host: Client, sampler: str, scheduler: str, expected: list[float]) -> None:
    """The figures were measured with the same probe in AUTOMATIC1111 v1.10.1."""
    host.txt2img(sampler_name=sampler, scheduler=scheduler)
    assert host.timesteps() == [pytest.approx(expected, abs=1e-3)]


def test_the_negative_prompt_is_evaluated_at_cfg_1(host: Client) -> None:
    host.txt2img(cfg_scale=1)
    assert host.get("/probe/last")["unet_evaluations"] == 2 * 4


def test_hires_fix_runs_the_asked_steps_at_the_end_of_a_longer_schedule(host: Client) -> None:
    answer = host.txt2img(enable_hr=True, denoising_strength=0.5, hr_second_pass_steps=3, hr_upscaler="Latent")
    first, second = host.timesteps()
    assert first == pytest.approx([999, 666, 333, 0])
    assert second == pytest.approx([399.6, 199.8, 0], abs=1e-3)
    assert "Hires steps: 3, Hires upscaler: Latent" in answer["info"]["infotexts"][0]


@pytest.mark.parametrize("denoising, steps", [(0.2, 2), (0.5, 5), (0.75, 7), (1.0, 8)])
def test_img2img_runs_the_last_part_of_the_steps(host: Client, denoising: float, steps: int) -> None:
    picture = host.txt2img(steps=1)["images"][0]
    request = {"init_images": [picture], "steps": 8, "denoising_strength": denoising, "width": 64, "height": 64}
    host.post("/sdapi/v1/img2img", {**request, "sampler_name": "Euler", "prompt": "a red circle"})
    assert len(host.timesteps()[0]) == steps


@pytest.mark.parametrize("sampler", STOCHASTIC)
def test_a_batch_reproduces_single_pictures_bit_for_bit(host: Client, sampler: str) -> None:
    batch = host.txt2img(sampler_name=sampler, seed=SEEDS[0], batch_size=3)
    assert batch["info"]["all_seeds"] == list(SEEDS)
    singles = [host.txt2img(sampler_name=sampler, seed=seed)["images"][0] for seed in SEEDS]
    assert batch["images"] == singles


def test_a_lora_changes_the_picture_and_leaves_no_trace(host: Client) -> None:
    before = host.txt2img()
    with_lora = host.txt2img(prompt="a large fox in the snow<lora:lcm-lora-sdv1-5:1>")
    assert host.get("/probe/last")["passes"][0]["loras"] == [{"name": "lcm-lora-sdv1-5", "te": 1.0, "unet": 1.0}]
    assert 'Lora hashes: "lcm-lora-sdv1-5: ' in with_lora["info"]["infotexts"][0]
    assert with_lora["images"] != before["images"]
    assert host.txt2img()["images"] == before["images"]


def test_a_missing_lora_is_a_comment(host: Client) -> None:
    host.txt2img(prompt="a circle <lora:nowhere:1>", steps=1)
    assert host.get("/probe/last")["comments"] == "Lora not found: nowhere\n"


def test_infotext_round_trip(host: Client) -> None:
    """A request that carries only a picture's infotext makes the same picture."""
    made = host.txt2img(
        prompt='one, "two":\nthree', negative_prompt="four, five", sampler_name="Euler a", scheduler="SGM Uniform",
        cfg_scale=2.5, seed=77, steps=3, height=128,
    )  # fmt: skip
    params = host.post("/sdapi/v1/png-info", {"image": made["images"][0]})
    assert params["info"] == made["info"]["infotexts"][0]
    assert params["parameters"]["Prompt"] == 'one, "two":\nthree'
    assert params["parameters"]["Negative prompt"] == "four, five"
    assert params["parameters"]["Size-2"] == "128"
    again = host.post("/sdapi/v1/txt2img", {"infotext": params["info"]})
    assert again["images"] == made["images"]


def test_override_settings_leak_like_the_webui(host: Client) -> None:
    """A setting that was never saved keeps an override; one that is present is put back."""
    assert "sigma_max" not in host.get("/sdapi/v1/options")
    host.txt2img(steps=1, override_settings={"sigma_max": 5.0})
    assert host.get("/sdapi/v1/options")["sigma_max"] == 5.0
    host.post("/sdapi/v1/options", {"sigma_max": 0.0})
    host.txt2img(steps=1, override_settings={"sigma_max": 5.0})
    assert host.get("/sdapi/v1/options")["sigma_max"] == 0.0


def test_an_unknown_setting_is_an_error(host: Client) -> None:
    status, answer = host.status("/sdapi/v1/txt2img", {"override_settings": {"no_such_setting": 1}, "steps": 1})
    assert (status, answer["error"]) == (500, "KeyError")


def test_unknown_names_become_the_first_of_their_table(host: Client) -> None:
    answer = host.txt2img(steps=1, sampler_name="Nobody", scheduler="Nothing")
    first = host.get("/sdapi/v1/samplers")[0]["name"]
    assert f"Sampler: {first}, Schedule type: Karras" in answer["info"]["infotexts"][0]  # that sampler's own


def test_old_sampler_names_are_split(host: Client) -> None:
    answer = host.txt2img(steps=2, sampler_name="DPM++ 2M Karras")
    assert "Sampler: DPM++ 2M, Schedule type: Karras" in answer["info"]["infotexts"][0]


def test_xyz_plot(host: Client) -> None:
    """Two by three cells: a labelled grid in front, then the cells in reading order."""
    known = {(script["name"], script["is_img2img"]): script for script in host.get("/sdapi/v1/script-info")}
    labels = known["x/y/z plot", False]["args"][0]["choices"]
    x, y = [labels.index("Steps"), "1-3", ""], [labels.index("CFG Scale"), "1, 2.5", ""]
    args = [*x, *y, 0, "", "", True, True, False, False, False, False, False, 0, True]
    answer = host.txt2img(script_name="X/Y/Z plot", script_args=args)
    assert len(answer["images"]) == 1 + 6
    texts = answer["info"]["infotexts"]
    assert 'X Type: Steps, X Values: 1-3, Y Type: CFG Scale, Y Values: "1, 2.5"' in texts[0]
    cells = [(text.split("Steps: ")[1][0], text.split("CFG scale: ")[1][:3]) for text in texts[1:]]
    assert cells == [(steps, cfg) for cfg in ("1.0", "2.5") for steps in "123"]
