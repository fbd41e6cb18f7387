"""The HTTP server around the host: page, API, and the browser's files."""

from __future__ import annotations

import signal
import socket
import threading
import time
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import FileResponse, Response

PAGE = Path(__file__).resolve().parent / "page"
HOST = "127.0.0.1"
TITLE = "Embedded host"


def build_app() -> FastAPI:
    """Page and API of the loaded scripts. Without a page the API comes before the callbacks, as in the WebUI."""
    from modules import call_queue, script_callbacks, shared, ui
    from modules.api.api import Api

    served = app = FastAPI(title=TITLE)
    if shared.cmd_opts.nowebui:
        shared.demo = None
        Api(app, call_queue.queue_lock)
        script_callbacks.before_ui_callback()
    else:
        script_callbacks.before_ui_callback()
        shared.demo = ui.create_ui()
        served, app = _with_page(shared.demo, accounts(shared.cmd_opts.gradio_auth))
        Api(app, call_queue.queue_lock)
    _add_host_routes(app)
    script_callbacks.app_started_callback(shared.demo, app)
    return served


def _add_host_routes(app: FastAPI) -> None:
    from modules import scripts, shared

    @app.get("/host/ping")
    def ping() -> dict[str, Any]:
        return {}

    @app.get("/host/opts")
    def opts() -> Response:
        return Response(shared.opts.dumpjson(), media_type="application/json")

    @app.post("/host/reload")
    def reload() -> dict[str, Any]:
        shared.state.request_restart()
        return {}

    files = [PAGE / "host.css", PAGE / "host.js"]
    files += [file for kind in (".js", ".mjs") for file in scripts.files_with_extension("javascript", kind)]
    files += [file for file in scripts.files_with_extension(".", ".css") if file.name == "style.css"]
    files += [PAGE / "example.js"] if shared.cmd_opts.example else []

    @app.get("/host/files/{number}/{name}")
    def file(number: int, name: str) -> FileResponse:
        if number >= len(files):
            raise HTTPException(404)
        return FileResponse(files[number])

    @app.middleware("http")
    async def add_files_to_page(request: Request, call_next: Any) -> Response:
        """gradio 3 has no way to add to a page's head."""
        response = await call_next(request)
        if request.url.path != "/" or "text/html" not in response.headers.get("content-type", ""):
            return response
        body = b"".join([part async for part in response.body_iterator])
        tags = "".join(_tag(number, file) for number, file in enumerate(files))
        return Response(body.replace(b"</head>", tags.encode() + b"</head>", 1), media_type="text/html")


def _tag(number: int, file: Path) -> str:
    address = f"/host/files/{number}/{file.name}?{file.stat().st_mtime}"
    if file.suffix == ".css":
        return f'<link rel="stylesheet" href="{address}">'
    return f'<script {"type=module " if file.suffix == ".mjs" else ""}src="{address}"></script>'


def accounts(told: str | None) -> list[tuple[str, str]] | None:
    """`name:password,...` as on the WebUI's command line; None without any."""
    return [(name, password) for name, _, password in (each.partition(":") for each in told.split(","))] if told else None


def _with_page(page: Any, logins: list[tuple[str, str]] | None) -> tuple[FastAPI, FastAPI]:
    """-> (what is served, gradio's own app within it): scripts get the latter, as in the WebUI, with the page's login in it."""
    import gradio as gr
    from modules.gradio_shims import IS_GRADIO_4

    page.queue()
    page.auth, page.auth_message = logins, None
    auth: dict[str, Any] = {"auth": logins} if IS_GRADIO_4 else {}
    served = FastAPI(openapi_url=None)
    gr.mount_gradio_app(served, page, path="/", app_kwargs={"title": TITLE, "docs_url": "/docs"}, **auth)
    mount: Any = served.routes[-1]
    return served, mount.app


class Server:
    """uvicorn in a thread, so that the main thread can wait for "Reload UI" and Ctrl+C."""

    def __init__(self, app: FastAPI, port: int) -> None:
        config = uvicorn.Config(app, host=HOST, port=port, log_level="warning", timeout_graceful_shutdown=2)
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, daemon=True)

    def start(self) -> None:
        """Return when requests are answered. Raises OSError where the port is taken."""
        self.thread.start()
        while not self.server.started:
            if not self.thread.is_alive():
                raise OSError(f"could not serve on {HOST}:{self.server.config.port}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Answer what is running, then end."""
        self.server.should_exit = True
        self.thread.join(timeout=10)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def serve(port: int) -> None:
    """Serve until Ctrl+C or SIGTERM; "Reload UI" loads the scripts again and goes on."""
    from modules import initialize, shared

    def stop(*_: Any) -> None:
        shared.state.command("stop")

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    command: str | None = "restart"
    while command == "restart":
        server = Server(build_app(), port)
        server.start()
        print(f"Running on local URL:  http://{HOST}:{port}", flush=True)
        command = None
        while command is None:
            command = shared.state.wait_for_command(timeout=1)
        shared.state.interrupt()
        server.stop()
        if command == "restart":
            initialize.reload()
    print("Stopped.", flush=True)
