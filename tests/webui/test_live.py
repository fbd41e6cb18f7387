"""Live over HTTP: whose picture is drawn, whom it lets go first, and that nothing is left of it."""
from __future__ import annotations

import hashlib
import io
import json
import socket
import time
from base64 import b64decode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from threading import Event
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
import requests
import torch
from PIL import Image
from safetensors.torch import save_file

from demo.weights import DECODER, SHIPPED, read_packed

from .client import PROMPT, SMALL, WebUI
from .hosts import EMBEDDED
from .test_generation import hires_fields

LIVE = "/fewstep/v1/live"
AUTO = {"method": "auto"}
_pages = count()


def page() -> str:
    """A page that nobody has opened before."""
    return f"page {next(_pages)} of {time.time()}"


def ask(webui: WebUI, page: str, number: int = 1, accelerator: Any = AUTO, **fields: Any) -> requests.Response:
    body = {"prompt": PROMPT, **SMALL, **fields, "page": page, "number": number, "accelerator": accelerator}
    return webui.request("POST", LIVE, json=body)


def is_picture(answer: requests.Response) -> bool:
    return answer.status_code == 200 and answer.headers["content-type"] == "image/jpeg"


def about(answer: requests.Response) -> dict[str, Any]:
    assert is_picture(answer), (answer.status_code, answer.text[:500])
    return json.loads(answer.headers["X-Fewstep"])


def pixels(data: bytes) -> np.ndarray[Any, Any]:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), dtype=float)


def as_jpeg(png: str) -> bytes:
    with io.BytesIO() as file:
        Image.open(io.BytesIO(b64decode(png))).convert("RGB").save(file, "JPEG", quality=90, subsampling=0)
        return file.getvalue()


def digest(png: str) -> str:
    return hashlib.sha256(Image.open(io.BytesIO(b64decode(png))).convert("RGB").tobytes()).hexdigest()


def test_a_live_picture_is_what_generate_makes(webui: WebUI) -> None:
    found, made = ask(webui, page()), webui.txt2img(AUTO)
    assert np.abs(pixels(found.content) - pixels(as_jpeg(made.files[0]))).mean() < 1
    said = about(found)
    assert (said["number"], said["seed"], said["notes"]) == (1, SMALL["seed"], [])
    assert said["evaluations"] == webui.plan(prompt=PROMPT)["evaluations"] and said["seconds"] > 0


@pytest.mark.parametrize(("accelerator", "hires"), [
    ({"method": "lcm"}, False), ({"method": "tcd", "steps": 3}, False), (None, False), ({"method": "lcm"}, True),
], ids=["lcm", "tcd", "off", "hires"])
def test_it_is_so_to_the_last_bit(webui: WebUI, accelerator: Any, hires: bool) -> None:
    """What Live had before it made a JPEG of it, what Generate had, and the file that it gives are the same pixels."""
    fields = {"accelerator": accelerator, "negative_prompt": "green", "steps": 3, **(hires_fields(webui) if hires else {})}
    assert is_picture(ask(webui, page(), **fields))
    live, made = webui.last_picture(), webui.txt2img(**fields)
    assert (webui.last_picture(), digest(made.files[0])) == (live, live)
    webui.txt2img(**{**fields, "seed": 7})
    assert webui.last_picture() != live


def test_it_is_so_to_the_last_bit_from_a_picture(webui: WebUI) -> None:
    source = webui.txt2img(AUTO, seed=7).files[0]
    webui.txt2img(steps=1)  # a host draws a picture's latent with the randomness that the last generation left, and so does Live
    assert is_picture(ask(webui, page(), init_images=[source], denoising_strength=0.4))
    live, made = webui.last_picture(), webui.img2img(source, AUTO, denoising_strength=0.4)
    assert (webui.last_picture(), digest(made.files[0])) == (live, live)


def test_without_the_accelerator_it_is_the_users_own(webui: WebUI) -> None:
    found, made = ask(webui, page(), accelerator=None, steps=3), webui.txt2img(steps=3)
    assert about(found)["evaluations"] is None
    assert np.abs(pixels(found.content) - pixels(as_jpeg(made.files[0]))).mean() < 1


def test_img2img_begins_from_the_picture(webui: WebUI) -> None:
    source = webui.txt2img(AUTO, seed=7).files[0]
    webui.txt2img(steps=1)  # a host draws a picture's latent with the randomness that the last generation left, and so does Live
    found = ask(webui, page(), init_images=[source], denoising_strength=0.4)
    as_url = ask(webui, page(), init_images=[f"data:image/png;base64,{source}"], denoising_strength=0.4)
    made = webui.img2img(source, AUTO, denoising_strength=0.4)
    assert np.abs(pixels(found.content) - pixels(as_jpeg(made.files[0]))).mean() < 1
    assert about(found) and as_url.content == found.content


def test_two_hundred_at_once_give_the_last_ones_picture(webui: WebUI) -> None:
    me = page()
    with ThreadPoolExecutor(200) as pool:
        answers = list(pool.map(lambda number: ask(webui, me, number, seed=number), range(200)))
    assert [answer.status_code for answer in answers] == [200] * 200
    drawn = [number for number, answer in enumerate(answers) if is_picture(answer)]
    assert drawn[-1] == 199 and len(drawn) < 100, "what was replaced was drawn"
    assert all(answer.json() == {"number": n, "outcome": "superseded"} for n, answer in enumerate(answers) if n not in drawn)
    assert answers[199].content == ask(webui, page(), seed=199).content


def test_what_the_page_shows_is_not_drawn_again(webui: WebUI) -> None:
    me = page()
    assert is_picture(ask(webui, me, 1))
    assert ask(webui, me, 2).json() == {"number": 2, "outcome": "unchanged"}
    assert ask(webui, me, 1).json() == {"number": 1, "outcome": "superseded"}
    assert is_picture(ask(webui, me, 3, seed=77))


@contextmanager
def busy(webui: WebUI, pages: int) -> Iterator[list[float]]:
    """So many pages that change something all the time; when each of their pictures came."""
    came: list[float] = []
    stop = Event()

    def paint(me: str) -> None:
        for number in range(100000):
            if stop.is_set():
                return
            about(ask(webui, me, number, seed=number))
            came.append(time.time())

    with ThreadPoolExecutor(pages) as pool:
        running = [pool.submit(paint, page()) for _ in range(pages)]
        try:
            while len(came) < 2:
                time.sleep(0.02)
            yield came
        finally:
            stop.set()
        for each in running:
            each.result()


def test_a_generate_waits_for_one_picture_at_most(webui: WebUI) -> None:
    with busy(webui, pages=8) as came:
        for _ in range(3):
            began = time.time()
            webui.txt2img(AUTO)
            started = webui.generations(began)[-1]["started"]
            # the one that was in flight, and one that came in while the request was on its way
            assert len([each for each in came if began < each < started]) <= 2


def test_pages_take_turns(webui: WebUI) -> None:
    with busy(webui, pages=3) as came:
        me, before = page(), len(came)
        for number in range(3):
            assert is_picture(ask(webui, me, number, seed=number))
        assert len(came) - before <= 3 * 5, "the other pages had more than their turns"


def test_nothing_is_left_of_it(webui: WebUI) -> None:
    source = webui.txt2img(AUTO).files[0]

    def next_picture(live: bool) -> tuple[str, Any]:
        webui.txt2img(steps=1)  # leaves the host's randomness as it always does
        before = left()
        if live:
            for fields in ({}, {"draft": True}, {"init_images": [source]}, {"accelerator": None, "steps": 2}):
                assert is_picture(ask(webui, page(), **{"seed": 321, **fields}))
            assert left() == before
        result = webui.img2img(source, AUTO)
        return result.files[0], result.info["infotexts"]

    def left() -> dict[str, Any]:
        data: Path = webui.running.data
        files = {str(path): path.stat().st_mtime_ns for path in data.rglob("*") if path.suffix in (".png", ".jpg", ".txt", ".json")}
        progress = webui.get("/sdapi/v1/progress")
        return {"files": files, "options": webui.options(), "progress": {**progress, "eta_relative": 0}}

    expected = next_picture(live=False)
    began = time.time()
    assert next_picture(live=True) == expected
    assert len(webui.generations(began)) == 2, "another extension's script ran"


def test_who_vanishes_leaves_nothing(webui: WebUI) -> None:
    address = urlsplit(webui.url)
    body = json.dumps({"prompt": PROMPT, **SMALL, "page": page(), "number": 1, "accelerator": AUTO}).encode()
    head = f"POST {LIVE} HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    for part in (body, body[: len(body) // 2]):
        for _ in range(10):
            with socket.create_connection((address.hostname or "", address.port or 0)) as connection:
                connection.sendall(head.encode() + part)
    assert is_picture(ask(webui, page()))
    assert webui.txt2img(AUTO).files and webui.get("/sdapi/v1/progress")["state"]["job_count"] == 0


@pytest.mark.parametrize("body", [
    b"", b"{", b"[]", b"5", b"null", b"\xff\xfe", b"[" * 5000, b"{}", b'{"number": true}', b'{"number": -1}', b'{"number": 1.5}',
    b'{"number": 1, "accelerator": 5}', b'{"number": 1, "width": "wide"}', b'{"number": 1, "init_images": ["x"]}',
    b'{"number": 1, "init_images": 5}', b'{"number": 1, "init_images": ["http://127.0.0.1/x.png"]}',
], ids=lambda body: repr(body)[:40])
def test_a_bad_body_is_refused_in_words(webui: WebUI, body: bytes) -> None:
    answer = webui.request("POST", LIVE, data=body)
    assert answer.status_code == 422 and answer.json()["detail"][0].isupper(), answer.text


def test_a_picture_that_fails_says_why_and_the_next_is_drawn(webui: WebUI) -> None:
    me = page()
    for number in (1, 2):  # what failed may be asked for again
        answer = ask(webui, me, number, accelerator=None, enable_hr=True, denoising_strength=0.5, hr_upscaler="None such")
        assert answer.status_code == 500 and answer.json()["detail"].startswith("This picture failed ("), answer.text
    assert is_picture(ask(webui, me, 3))
    assert webui.get("/sdapi/v1/progress")["state"]["job_count"] == 0


def taesd() -> dict[str, Any]:
    """Weights of a tiny decoder as the hosts build it, at random."""
    nn = torch.nn

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Sequential(*(layer for _ in range(3) for layer in (nn.Conv2d(64, 64, 3, padding=1), nn.ReLU())))

    def scaled() -> list[torch.nn.Module]:
        return [Block(), Block(), Block(), nn.Upsample(scale_factor=2), nn.Conv2d(64, 64, 3, padding=1, bias=False)]

    end = [Block(), nn.Conv2d(64, 3, 3, padding=1)]
    return nn.Sequential(
        nn.Identity(), nn.Conv2d(4, 64, 3, padding=1), nn.ReLU(), *scaled(), *scaled(), *scaled(), *end
    ).state_dict()


@contextmanager
def decoder(webui: WebUI) -> Iterator[None]:
    """With the small decoder of the loaded checkpoint's family. A host that has loaded it knows it from then on."""
    folder = webui.running.data / "models" / "VAE-taesd"
    folder.mkdir(exist_ok=True)
    if webui.kind == EMBEDDED:
        file = folder / f"{DECODER}.safetensors"
        save_file(read_packed(SHIPPED / f"{file.name}.xz")[0], file)
    else:
        file = folder / ("taesdxl_decoder.pth" if webui.family == "sdxl" else "taesd_decoder.pth")
        torch.save(taesd(), file, _use_new_zipfile_serialization=False)  # A1111 trusts no zip of a newer torch
    try:
        yield
    finally:
        file.unlink()


def test_without_the_decoder_a_draft_is_whole_and_says_what_to_fetch(webui: WebUI) -> None:
    folder = webui.running.data / "models" / "VAE-taesd"
    full, asked = ask(webui, page()), ask(webui, page(), draft=True)
    assert asked.content == full.content and "taesd" in "".join(about(asked)["notes"])
    made = webui.txt2img({**AUTO, "draft": True})
    assert made.files == webui.txt2img(AUTO).files and "taesd" in made.comments and "VAE Decoder" not in made.infotext
    assert not [*folder.glob("*decoder*")], "the host fetched it"


def test_a_draft_decodes_that_picture_alone(webui: WebUI) -> None:
    with decoder(webui):
        full, options = ask(webui, page()), webui.options()
        draft = ask(webui, page(), draft=True)
        assert about(draft)["notes"] == [] and draft.content != full.content
        by_switch = ask(webui, page(), accelerator={**AUTO, "draft": True})
        assert by_switch.content == draft.content
        assert webui.options() == options and ask(webui, page()).content == full.content


def test_a_generation_may_be_a_draft_and_its_parameters_say_so(webui: WebUI) -> None:
    with decoder(webui):
        options, full = webui.options(), webui.txt2img(AUTO)
        made = webui.txt2img({**AUTO, "draft": True})
        assert made.files != full.files and "VAE Decoder: TAESD" in made.infotext and made.evaluations == full.evaluations
        live = ask(webui, page(), accelerator={**AUTO, "draft": True})
        assert np.abs(pixels(live.content) - pixels(as_jpeg(made.files[0]))).mean() < 1
        pasted = webui.restored(made.files[0])
        assert (pasted["Accelerator draft"], pasted["VAE Decoder"]) == ("True", "Full")
        assert webui.options() == options and webui.txt2img(AUTO).files == full.files
