"""Asks a running WebUI over HTTP, and reads the probe."""
from __future__ import annotations

import base64
import io
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import requests
from PIL import Image

from lib_fewstep.core.profiles import Profile

from .hosts import EMBEDDED, Running, lora_name

PROMPT = "red circle"
SECONDS = 600
SMALL = {"width": 64, "height": 64, "seed": 12345, "sampler_name": "Euler", "steps": 6, "cfg_scale": 7.0}


@dataclass(frozen=True)
class Result:
    """What one generation gave back, and what the probe saw of it. `files`: the PNGs, base64."""

    files: list[str]
    info: dict[str, Any]
    probe: dict[str, Any]

    @cached_property
    def images(self) -> list[np.ndarray]:
        return [np.asarray(Image.open(io.BytesIO(base64.b64decode(file))).convert("RGB"), dtype=np.int16) for file in self.files]

    @property
    def image(self) -> np.ndarray:
        return self.images[0]

    @property
    def infotext(self) -> str:
        return self.info["infotexts"][0]

    @property
    def comments(self) -> str:
        return self.probe["comments"]

    @property
    def passes(self) -> list[dict[str, Any]]:
        return self.probe["passes"]

    @property
    def loras(self) -> list[dict[str, Any]]:
        return self.passes[0]["loras"]

    @property
    def evaluations(self) -> int:
        return self.probe["unet_evaluations"]

    def timesteps(self, number: int = 0) -> list[float]:
        """The timesteps of one pass, each once, though a host may ask for both prompts one after the other."""
        seen = [call["t"][0] for call in self.passes[number]["calls"]]
        return [t for i, t in enumerate(seen) if i == 0 or t != seen[i - 1]]


class WebUI:
    """One running WebUI with the checkpoint of one family loaded."""

    def __init__(self, running: Running, family: str, auth: tuple[str, str] | None = None):
        self.running, self.family, self.url = running, family, running.url
        self.session = requests.Session()
        self.session.auth = auth
        self.session.headers["Connection"] = "close"  # a host may drop an idle connection just when it is used again

    @property
    def name(self) -> str:
        return self.running.host.name

    @property
    def kind(self) -> str:
        return self.running.host.kind

    def request(self, method: str, path: str, timeout: float = SECONDS, **arguments: Any) -> requests.Response:
        return self.session.request(method, f"{self.url}{path}", timeout=timeout, **arguments)

    def get(self, path: str) -> Any:
        return self._json(self.request("GET", path))

    def post(self, path: str, body: Any = None) -> Any:
        return self._json(self.request("POST", path, json=body))

    def load_checkpoint(self) -> None:
        """Chooses the checkpoint of this family, as the user does at the top of the page."""
        self.post("/sdapi/v1/options", {"sd_model_checkpoint": self.running.host.checkpoint(self.family).name})

    def txt2img(self, accelerator: Any = None, **fields: Any) -> Result:
        """A small picture. `accelerator`: one dict for the script, or a list of its arguments by position; None leaves the script out."""
        return self._generate("txt2img", accelerator, fields)

    def img2img(self, image: str, accelerator: Any = None, **fields: Any) -> Result:
        """A picture from `image`, a PNG in base64."""
        return self._generate("img2img", accelerator, {"init_images": [image], "denoising_strength": 0.75, **fields})

    def img2img_again(self, image: str, accelerator: Any = None, **fields: Any) -> Result:
        """The same picture whenever it is asked for: a host draws a picture's latent with the randomness that the last generation left."""
        self.txt2img(steps=1)
        return self.img2img(image, accelerator, **fields)

    def _generate(self, tab: str, accelerator: Any, fields: dict[str, Any]) -> Result:
        body: dict[str, Any] = {"prompt": PROMPT, **SMALL, **fields}
        body = {key: value for key, value in body.items() if value is not None}
        self.save_options(body.get("override_settings", {}))
        if accelerator is not None:
            arguments = accelerator if isinstance(accelerator, list) else [accelerator]
            body["alwayson_scripts"] = {**body.get("alwayson_scripts", {}), "Accelerator": {"args": arguments}}
        answer = self.post(f"/sdapi/v1/{tab}", body)
        return Result(answer["images"], json.loads(answer["info"]), self.get("/probe/last"))

    def save_options(self, names: Iterable[str]) -> None:
        """The hosts take an overridden option back only where it was saved before: saves those of `names` that never were."""
        if never := set(names) - self.options().keys():
            defaults = self.get("/probe/defaults")
            self.post("/sdapi/v1/options", {name: defaults[name] for name in never})

    def restored(self, file: str) -> dict[str, str]:
        """What PNG Info reads from a picture: the parameters that "Send to txt2img" would paste."""
        return self.post("/sdapi/v1/png-info", {"image": f"data:image/png;base64,{file}"})["parameters"]

    def lora_of(self, profile: Profile) -> str:
        name = lora_name(profile, self.family)
        assert name is not None
        return name

    def plan(self, **settings: Any) -> dict[str, Any]:
        return self.post("/fewstep/v1/plan", settings)

    def options(self) -> dict[str, Any]:
        return self.get("/probe/options")

    def last_picture(self) -> str:
        """SHA-256 of the pixels of what was made last, Live's or a generation's, before anything was written of it."""
        return self.get("/probe/pictures")[-1]

    def reload_ui(self) -> None:
        """"Reload UI", and waits until it is done."""
        before, starts = self.get("/probe/registry")["loaded"], self._starts()
        self.post("/probe/reload")
        patience = time.monotonic() + SECONDS
        while time.monotonic() < patience:
            time.sleep(0.5)
            if self.kind != EMBEDDED and self._starts() == starts:
                continue  # A1111 ends itself if it is asked while it starts: "Cannot add middleware after an application has started"
            try:
                # a host that is closing may have taken the request, and wait for it while it waits for the host
                if self._json(self.request("GET", "/probe/registry", timeout=3))["loaded"] != before:
                    return
            except (requests.RequestException, AssertionError):
                continue
        raise AssertionError(f"{self.name} did not come back after Reload UI")

    def _starts(self) -> int:
        """How often the host has said that it is up."""
        return self.running.log.read_text(encoding="utf-8", errors="replace").count("Startup time")

    def script_form(self, name: str, img2img: bool = False) -> list[dict[str, Any]]:
        """The controls of a script by position: label, value, choices. Raises StopIteration where the host has no such script."""
        scripts = self.get("/sdapi/v1/script-info")
        return next(script["args"] for script in scripts if script["name"] == name and script["is_img2img"] == img2img)

    def has_script(self, name: str) -> bool:
        return name in {script["name"] for script in self.get("/sdapi/v1/script-info")}

    def script(self, name: str, img2img: bool = False, **values: Any) -> dict[str, Any]:
        """The fields of a request that runs a script chosen in "Script", with `values` by label (`_` for a space, in small or capital
        letters: the hosts differ), else its defaults."""
        form, given = self.script_form(name, img2img), {label.replace("_", " ").lower(): value for label, value in values.items()}
        labels = [control["label"].lower() for control in form]
        assert given.keys() <= set(labels), f"{name} has {labels}"
        return {"script_name": name, "script_args": [given.get(label, each["value"]) for label, each in zip(labels, form, strict=True)]}

    def generations(self, since: float) -> list[dict[str, Any]]:
        """What the probe saw of every generation that began after `since`, a time.time(): a script makes several for one request."""
        return [each for each in self.get("/probe/history") if each["started"] >= since]

    @staticmethod
    def _json(response: requests.Response) -> Any:
        assert response.status_code == 200, f"{response.request.method} {response.url}: {response.status_code} {response.text[:500]}"
        return response.json()
