"""Settings: their descriptions (`OptionInfo`) and their values (`Options`)."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any


class OptionInfo:
    """One setting: its default, how the Settings page shows it, and its label in infotexts (None: never written)."""

    def __init__(
        self,
        default: Any = None,
        label: str = "",
        component: Any = None,
        component_args: Any = None,
        onchange: Callable[[], None] | None = None,
        section: tuple[str | None, str] | None = None,
        refresh: Callable[[], None] | None = None,
        comment_before: str = "",
        comment_after: str = "",
        infotext: str | None = None,
        restrict_api: bool = False,
        category_id: str | None = None,
    ) -> None:
        self.default, self.label, self.component, self.component_args = default, label, component, component_args
        self.onchange, self.refresh = onchange, refresh
        self.section, self.category_id = section, category_id
        self.comment_before, self.comment_after = comment_before, comment_after
        self.infotext, self.restrict_api = infotext, restrict_api
        self.do_not_save = False

    def info(self, text: str) -> OptionInfo:
        """Add an explanation behind the label."""
        return self.html(f"<span class='info'>({text})</span>")

    def html(self, html: str) -> OptionInfo:
        """Add anything behind the label."""
        self.comment_after += html
        return self

    def link(self, label: str, url: str) -> OptionInfo:
        """Add a link in front of the label."""
        self.comment_before += f"[<a href='{url}' target='_blank'>{label}</a>]"
        return self


class OptionHTML(OptionInfo):
    """A piece of text on the Settings page; it has no value."""

    def __init__(self, text: str) -> None:
        super().__init__(text.strip())
        self.do_not_save = True


def options_section(section: tuple[str, ...], options: dict[str, OptionInfo]) -> dict[str, OptionInfo]:
    """Put the options into the section (id, label) or (id, label, category)."""
    for option in options.values():
        option.section = (section[0], section[1])
        if len(section) == 3:
            option.category_id = section[2]
    return options


class Options:
    """Values by key, as attributes. A key that was never set answers its default but is absent from `data`.

    That difference matters: `override_settings` restores only keys that are present (see `processing.process_images`).
    """

    def __init__(self, data_labels: dict[str, OptionInfo]) -> None:
        self.__dict__["data_labels"] = data_labels
        self.__dict__["data"] = {}

    def __getattr__(self, key: str) -> Any:
        if key in self.__dict__["data"]:
            return self.data[key]
        if key in self.__dict__["data_labels"]:
            return self.data_labels[key].default
        raise AttributeError(f"no such setting: {key}")

    def __setattr__(self, key: str, value: Any) -> None:
        if key in ("data", "data_labels") or (key not in self.data and key not in self.data_labels):
            self.__dict__[key] = value
        else:
            self.data[key] = value

    def set(self, key: str, value: Any, is_api: bool = False, run_callbacks: bool = True) -> bool:
        """Change a setting and run its `onchange` -> whether it changed. KeyError for an unknown key."""
        if self.data.get(key) == value:
            return False
        option = self.data_labels[key]
        if option.do_not_save or (is_api and option.restrict_api):
            return False
        setattr(self, key, value)
        if run_callbacks and option.onchange is not None:
            option.onchange()
        return True

    def get_default(self, key: str) -> Any:
        """The default of a setting; None for an unknown key."""
        option = self.data_labels.get(key)
        return None if option is None else option.default

    def add_option(self, key: str, info: OptionInfo) -> None:
        """Describe a new setting; it takes its default where config.json has no value."""
        self.data_labels[key] = info
        if not info.do_not_save:
            self.data.setdefault(key, info.default)

    def onchange(self, key: str, func: Callable[[], None], call: bool = True) -> None:
        """Call `func` whenever the setting changes, and now."""
        self.data_labels[key].onchange = func
        if call:
            func()

    def cast_value(self, key: str, value: Any) -> Any:
        """A value read from text, in the type of the setting's default."""
        default = self.get_default(key)
        if value is None or default is None:
            return value
        if isinstance(default, bool):
            return value != "False" and bool(value)
        return type(default)(value)

    def load(self, filename: str) -> None:
        """Replace all values by those in the file: keys that are not in it become absent."""
        path = Path(filename)
        self.data = json.loads(path.read_text(encoding="utf8")) if path.is_file() else {}

    def save(self, filename: str) -> None:
        """Write the values that are present."""
        Path(filename).write_text(json.dumps(self.data, indent=4, ensure_ascii=False), encoding="utf8")

    def dumpjson(self) -> str:
        """Every saveable setting's value, for the page's `opts`."""
        labels = {key: info for key, info in self.data_labels.items() if not info.do_not_save}
        return json.dumps({key: self.data.get(key, info.default) for key, info in labels.items()})
