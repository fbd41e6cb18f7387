"""`python -m demo.serve`: the embedded host as a web page and API, with this repository as its extension."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from demo.host import boot, server
from demo.places import DATA, REPOSITORY, prepare_data, prepare_models

EXAMPLE = "a large fox in the snow"


def main(arguments: list[str] | None = None) -> None:
    """Parse the command line and serve until stopped."""
    parser = argparse.ArgumentParser(prog="python -m demo.serve", description=__doc__)
    parser.add_argument("--port", type=int, default=7870, help="port on 127.0.0.1; 0 takes a free one (default 7870)")
    parser.add_argument("--models", type=Path, help="WebUI models folder (default: the tiny models, unpacked)")
    parser.add_argument("--data-dir", type=Path, default=DATA, help="settings, outputs, extensions/")
    parser.add_argument("--extension", type=Path, action="append", default=[], help="one more extension; may repeat")
    parser.add_argument("--no-repository", action="store_true", help="do not load this repository as an extension")
    parser.add_argument("--example", action="store_true", help="begin with a prompt filled in and the accordion open")
    parser.add_argument("--nowebui", action="store_true", help="the API without the page")
    parser.add_argument("--gradio-auth", metavar="NAME:PASSWORD,...", help="the page asks for one of these accounts")
    parser.add_argument("--api-auth", metavar="NAME:PASSWORD,...", help="the API asks for one of these accounts")
    options = parser.parse_args(arguments)

    if options.data_dir == DATA:
        prepare_data()
    models = options.models or prepare_models().folder
    extensions = ([] if options.no_repository else [REPOSITORY]) + options.extension
    _forget_repository()
    boot.open_host(models, options.data_dir, extensions)
    from modules.shared import cmd_opts

    cmd_opts.nowebui, cmd_opts.gradio_auth, cmd_opts.api_auth = options.nowebui, options.gradio_auth, options.api_auth
    if options.example:
        cmd_opts.example = EXAMPLE
        print("Open the address below and press Generate: a prompt is filled in, and the accordion is open.", flush=True)
    server.serve(options.port or server.free_port())


def _forget_repository() -> None:
    """Take the repository off sys.path: extensions must find their packages the way a WebUI lets them."""
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != REPOSITORY]


if __name__ == "__main__":
    main()
