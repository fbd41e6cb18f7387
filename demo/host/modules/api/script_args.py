"""Scripts' arguments outside the page: their defaults, and what a request changes of them."""

from __future__ import annotations

from typing import Any

import gradio as gr
from fastapi import HTTPException
from modules.script_runner import ScriptRunner
from modules.scripts import Script


def find_script(name: str, candidates: list[Script]) -> int:
    """The position of the script of that title, in any case; answers 422 where there is none."""
    titles = [script.title().lower() for script in candidates]
    if name.lower() not in titles:
        raise HTTPException(status_code=422, detail=f"Script '{name}' not found")
    return titles.index(name.lower())


def defaults(runner: ScriptRunner) -> list[Any]:
    """The values of all scripts' components as `ui` makes them. `ui` is called twice here, as in the WebUI."""
    args: list[Any] = [None] * max([1, *(script.args_to or 0 for script in runner.scripts)])
    args[0] = 0
    with gr.Blocks():
        for script in runner.scripts:
            if script.ui(script.is_img2img):
                args[script.args_from : script.args_to] = [part.value for part in script.ui(script.is_img2img)]
    return args


def select_script(runner: ScriptRunner, args: list[Any], name: str, values: list[Any]) -> Script:
    """Choose a selectable script, with all its arguments."""
    index = find_script(name, runner.selectable_scripts)
    script = runner.selectable_scripts[index]
    args[script.args_from : script.args_to] = values
    args[0] = index + 1
    return script


def fill_alwayson(runner: ScriptRunner, args: list[Any], wanted: dict[str, Any]) -> None:
    """Put {title: {"args": [...]}} in place. Missing arguments keep their defaults, surplus ones are dropped."""
    for name, request in wanted.items():
        script = runner.scripts[find_script(name, runner.scripts)]
        if not script.alwayson:
            raise HTTPException(422, "Cannot have a selectable script in the always on scripts params")
        assert script.args_from is not None and script.args_to is not None
        given = request.get("args", [])
        for i in range(min(script.args_to - script.args_from, len(given))):
            args[script.args_from + i] = given[i]
