"""Whole generations in this process: the embedded host's own jobs, samplers and hooks, and the script that it would execute, around a model
of no weight that notes what it is asked.
"""
from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch
from PIL import Image

from tests.core.lora_files import SD15, attention_weights, kohya, write

from .fake import Host

SIZE = 64
FIELDS = {"prompt": "a cat", "negative_prompt": "rain", "steps": 9, "cfg_scale": 6.0, "sampler_name": "Euler", "scheduler": "Karras",
          "width": SIZE, "height": SIZE, "seed": 1}  # fmt: skip
"""What the user has set, for whom nothing is accelerated."""
HIRES = {"enable_hr": True, "denoising_strength": 0.5, "hr_scale": 2, "hr_upscaler": "Latent", "hr_second_pass_steps": 0}
LCM, TCD, HYPER, STYLE = "lcm-lora-sdv1-5", "TCD-SD15-LoRA", "Hyper-SD15-8steps-lora", "style"
"""The LoRAs that are installed."""


class Network(torch.nn.Module):
    """A UNet that notes each call, (timestep, rows), and answers as `answer(x, timesteps)` says, at first with no noise at all."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[int, int]] = []
        self.answer: Any = lambda x, timesteps: torch.zeros_like(x)
        self.time_embed, self.embedded = torch.nn.Identity(), torch.zeros(0)

    def forward(self, x: torch.Tensor, timesteps: torch.Tensor, context: Any = None) -> torch.Tensor:
        self.asked.append((round(float(timesteps[0])), len(x)))
        self.embedded = self.time_embed(torch.zeros(len(x), 8))
        return self.answer(x, timesteps)


class Model:
    """A loaded checkpoint with the host's interface around a `Network`; `encoded` are the texts that were read."""

    is_sdxl, latent_channels, sd_model_hash = False, 4, "0000000000"

    def __init__(self, host: Host, info: Any):
        self.sd_checkpoint_info, self.network, self.encoded = info, Network(), list[str]()
        self.model = SimpleNamespace(diffusion_model=self.network, conditioning_key="crossattn")
        self.alphas_cumprod = host.sd_model.training_alphas_cumprod()

    def apply_model(self, x: torch.Tensor, t: torch.Tensor, cond: Any) -> torch.Tensor:
        return self.network(x, t, context=cond["c_crossattn"])

    def get_learned_conditioning(self, prompts: list[str]) -> torch.Tensor:
        self.encoded += prompts
        return torch.zeros(len(prompts), 77, 8)

    def encode_first_stage(self, images: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.avg_pool2d(images, 8)[:, [0, 1, 2, 0]]

    def get_first_stage_encoding(self, encoding: torch.Tensor) -> torch.Tensor:
        return encoding

    def decode_first_stage(self, latents: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.interpolate(latents[:, :3], scale_factor=8)


class Generator:
    """A host with Stable Diffusion 1.5 loaded, a few LoRAs and the Accelerator."""

    def __init__(self, host: Host):
        self.host = host
        unet = {f"model.diffusion_model.{name}": shape for name, shape in attention_weights(SD15).items()}
        self.model = Model(host, host.select(write(host.data / "sd15.safetensors", unet)))
        host.load(self.model)
        for name in (LCM, TCD, HYPER, STYLE):
            host.add_lora(write(host.data / f"{name}.safetensors", kohya(SD15)))
        self.module = host.script()
        host.script_callbacks.before_ui_callback()
        self.script = self.module.Accelerator()
        self.runner = host.script_runner.ScriptRunner()
        self.runner.alwayson_scripts.append(self.script)
        self.script.args_from, self.script.args_to = 0, 1

    @property
    def asked(self) -> list[tuple[int, int]]:
        """(timestep, rows) of each call of the network."""
        return self.model.network.asked

    @property
    def facts(self) -> Any:
        return self.module.facts

    def txt2img(self, **fields: Any) -> Any:
        """A job, not begun."""
        return self._given(self.host.processing.StableDiffusionProcessingTxt2Img(**{**FIELDS, **fields}))

    def img2img(self, **fields: Any) -> Any:
        picture = {"init_images": [Image.new("RGB", (SIZE, SIZE), "blue")], "denoising_strength": 0.5}
        return self._given(self.host.processing.StableDiffusionProcessingImg2Img(**{**FIELDS, **picture, **fields}))

    def make(self, p: Any, settings: dict[str, Any] | None = None) -> Any:
        """Makes the pictures of job `p`, with these settings of the Accelerator (None: off)."""
        self.asked.clear()
        self.model.encoded.clear()
        p.script_args = ({"enabled": False} if settings is None else settings,)
        p.scripts = self.runner
        return self.host.processing.process_images(p)

    def timesteps(self, p: Any, settings: dict[str, Any] | None = None) -> list[int]:
        """At which timesteps the network is asked."""
        self.make(p, settings)
        return [timestep for timestep, _ in self.asked]

    def _given(self, p: Any) -> Any:
        p.do_not_save_samples = p.do_not_save_grid = True
        return p
