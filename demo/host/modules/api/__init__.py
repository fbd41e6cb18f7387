"""The HTTP API: `models` describes requests and answers, `api` serves them."""
