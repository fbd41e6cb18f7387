"""The embedded host: a small stand-in for a WebUI, and the tiny models that it draws with."""
