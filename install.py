"""Run by the WebUI at start-up. There is nothing to install: every package that the extension needs ships with the WebUI."""
from pathlib import Path

if not Path("modules/sd_schedulers.py").exists():
    print("Few-Step Accelerator needs AUTOMATIC1111 1.9 or newer, or Forge: this WebUI has no schedule types. Please update it.")
