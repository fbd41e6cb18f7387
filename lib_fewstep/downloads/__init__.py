"""Fetching published files: the only room that reaches the network."""
