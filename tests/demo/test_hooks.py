"""Hooks: order, arguments, and errors that do not stop a generation."""

from __future__ import annotations

from .conftest import Client

START = ["setup", "before_process", "process"]
BATCH_START = ["before_process_batch", "after_extra_networks_activate", "process_batch"]
BATCH_END = ["post_sample", "postprocess_batch", "postprocess_batch_list"]
PICTURE = ["postprocess_image", "postprocess_maskoverlay", "postprocess_image_after_composite"]
FIRST_PASS = ["process_before_every_sampling", "cfg_denoiser", "cfg_denoiser"]
SECOND_PASS = ["after_extra_networks_activate", "before_hr", *FIRST_PASS]


def test_order_of_one_picture(host: Client) -> None:
    """The order of AUTOMATIC1111 v1.10.1, modules/processing.py."""
    host.txt2img(steps=2)
    expected = [*START, *BATCH_START, *FIRST_PASS, *BATCH_END, *PICTURE, "postprocess"]
    assert host.get("/recorder")["calls"] == expected


def test_order_with_hires_fix(host: Client) -> None:
    host.txt2img(steps=2, enable_hr=True, denoising_strength=0.5, hr_upscaler="Latent")
    expected = [*START, *BATCH_START, *FIRST_PASS, *SECOND_PASS, *BATCH_END, *PICTURE, "postprocess"]
    assert host.get("/recorder")["calls"] == expected


def test_order_of_two_batches_of_two(host: Client) -> None:
    host.txt2img(steps=2, batch_size=2, n_iter=2)
    batch = [*BATCH_START, *FIRST_PASS, *BATCH_END, *PICTURE, *PICTURE]
    assert host.get("/recorder")["calls"] == [*START, *batch, *batch, "postprocess"]


def test_an_error_in_a_hook_does_not_stop_the_generation(host: Client) -> None:
    answer = host.txt2img(steps=2, alwayson_scripts={"recorder": {"args": ["process"]}})
    assert len(answer["images"]) == 1
    assert "asked to fail in process" in host.log.read_text()


def test_scripts_are_loaded_like_the_webui_does(host: Client) -> None:
    """The extension's folder is on sys.path only while its script is executed; ui() runs once per tab for the page,
    twice more for the API's defaults, which is done tab by tab."""
    about = host.get("/recorder")
    assert about["basedir"].endswith("recorder")
    assert about["on_path_while_loading"] and not about["on_path_now"]
    assert about["module"] == "recorder.py"
    assert about["ui_calls"] == [False, True, False, False, True, True]


def test_unknown_and_selectable_scripts_are_refused(host: Client) -> None:
    status, answer = host.status("/sdapi/v1/txt2img", {"alwayson_scripts": {"nobody": {"args": []}}})
    assert (status, answer["detail"]) == (422, "Script 'nobody' not found")
    status, answer = host.status("/sdapi/v1/txt2img", {"alwayson_scripts": {"x/y/z plot": {"args": []}}})
    assert (status, answer["detail"]) == (422, "Cannot have a selectable script in the always on scripts params")
