"""The embedded host: a small stand-in for the AUTOMATIC1111 WebUI, just large enough to run extensions in it.

`modules/` carries the names that extensions import, `scripts/` the built-in X/Y/Z plot, `extensions/lora` the built-in
LoRA extension, `page/` what the browser gets. `boot.open_host` puts this folder on `sys.path` and starts it.
Where the two overlap it behaves as AUTOMATIC1111 v1.10.1 does; every line is written for this project.
"""
