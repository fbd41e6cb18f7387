"""Each batch of a generation has its own prompts, and so its own plan: tried in a process of its own, as a host can be opened but once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
_RUN = """
import json, sys
from pathlib import Path
from PIL import Image
from demo import weights
from demo.host.session import Session

folder = Path(sys.argv[1])
session = Session(weights.unpack(folder / "models").folder, folder / "data", [Path(sys.argv[2])])
from modules import shared

asked = []
unet = shared.sd_model.model.diffusion_model
unet.register_forward_pre_hook(lambda module, args, kwargs: asked.append((float(args[1][0]), len(args[0]))), with_kwargs=True)
lcm, tcd = "<lora:lcm-lora-sdv1-5:0.9>", "<lora:TCD-SD15-LoRA:1>"
prompts = [f"a red circle {lcm}", f"a red circle {tcd}", f"a red circle {lcm} {tcd}", "a red circle"]
fields = dict(
    init_images=[Image.new("RGB", (64, 64), "blue")], denoising_strength=0.5, steps=10, cfg_scale=7.0, sampler_name="Euler",
    scheduler="Simple", width=64, height=64,
)
result = session.img2img({"Accelerator": [{}]}, prompt=prompts, n_iter=4, seed=1, **fields)
alone = session.img2img({"Accelerator": [{"enabled": False}]}, prompt=prompts[2], seed=3, **fields)
same = result.images[-4:][2].tobytes() == alone.images[-1].tobytes()
print("RESULT " + json.dumps({"asked": asked, "infotexts": result.infotexts[-4:], "comments": result.comments, "same": same}))
"""


def test_a_batch_is_planned_on_its_own_prompt(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _RUN, str(tmp_path), str(REPOSITORY)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(next(line for line in done.stdout.splitlines() if line.startswith("RESULT "))[7:])
    few = [499, 379, 259, 139]
    own = [t for t, batch in found["asked"][8:14]]
    assert [t for t, batch in found["asked"][:8]] == few + few and {batch for _, batch in found["asked"][:8]} == {1}
    assert own == [599, 499, 399, 299, 199, 99] and {batch for _, batch in found["asked"][8:14]} == {2}, "refused: the user's own settings"
    assert [t for t, batch in found["asked"][14:18]] == [499, 374, 249, 124], "Auto takes the best that is installed"
    assert found["same"], "the refused batch is not the picture that the user's own settings make"
    methods = [text.partition("Accelerator: ")[2].partition(",")[0] for text in found["infotexts"]]
    samplers = [text.partition("Sampler: ")[2].partition(",")[0] for text in found["infotexts"]]
    assert methods == ["lcm", "tcd", "", "hyper-sd15-4"] and samplers == ["LCM Few-Step", "TCD Few-Step", "Euler", "Euler"]
    assert "holds 2 accelerator LoRAs" in found["comments"]
    assert found["infotexts"][3].splitlines()[0] == "a red circle <lora:Hyper-SD15-4steps-lora:1>"
