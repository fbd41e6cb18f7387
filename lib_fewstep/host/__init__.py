"""The WebUI's side: reads facts from it and applies plans to it."""
