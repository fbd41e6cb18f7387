"""The WebUI's `modules` package, as far as extensions use it. One file per WebUI module."""
