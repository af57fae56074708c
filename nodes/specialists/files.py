"""Files: specialists as Markdown files, with front matter above and instructions below.

    ---
    name: caterer
    description: Menus, shopping quantities and what food costs a head.
    tools: calculate, convert_units
    ---
    You cook for crowds. …

The form is that of sub-agent files elsewhere; `model: inherit` is the run's own worker model.
"""

import re
import reprlib
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from yaml.nodes import MappingNode

from nodes.errors import BadSettings, NoModel
from nodes.providers import provider_of
from nodes.specialists.registry import Specialist, bare_name

FILE_LIMIT = 100_000  # bytes; instructions longer than that are a book, and go into every call

Lookup = Callable[[str], str | None]  # an environment variable's name → what it says (None: not set)

_FENCE = re.compile(r"---[ \t]*")
_NOTHING = ("", "~", "null")  # how YAML writes that a key has no value


class SpecialistError(BadSettings):
    """A specialist is wrong; each fault with its file and line."""


def _listed(value: Any) -> Any:
    """Read "a, b" as [a, b], as sub-agent files elsewhere write it."""
    return [name.strip() for name in value.split(",") if name.strip()] if isinstance(value, str) else value or []


_Names = Annotated[list[str], BeforeValidator(_listed)]


class _FrontMatter(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    name: str = Field(min_length=1, max_length=60, pattern=r"^[^\n]*\w[^\n]*$")
    description: str = Field(min_length=1, max_length=1000)
    model: str = ""
    tools: _Names = []
    asks: _Names = []
    max_output_tokens: int | None = Field(None, ge=16)
    timeout: float | None = Field(None, gt=0)
    tool_timeout: float = Field(30.0, gt=0)
    temperature: float | None = Field(None, ge=0, le=2)
    url: str = ""
    graph: str = ""
    api_key_env: str = ""


def read_folder(folder: Path, lookup: Lookup) -> list[Specialist]:
    """Read every specialist file (*.md, but README.md) of a folder, by name.

    Raises:
        SpecialistError: the folder or a file in it is no good; lists every fault of every file.
    """
    if not folder.is_dir():
        raise SpecialistError(f"no folder of specialists at {folder}")
    specialists, faults = list[Specialist](), list[str]()
    paths = [path for path in sorted(folder.glob("*.md")) if path.name.lower() != "readme.md" and path.name[0] != "."]
    for path in paths:
        specialist = _File(path, faults).read(lookup)
        same = next(
            (other for other in specialists if specialist and bare_name(other.name) == bare_name(specialist.name)), None
        )
        if same is not None:
            faults.append(f"{path}:2: the name {same.name!r} is taken by {same.origin}")
        elif specialist:
            specialists.append(specialist)
    if faults:
        raise SpecialistError("\n".join(faults))
    return specialists


class _File:
    """One file being read; what is wrong with it goes to `faults`."""

    def __init__(self, path: Path, faults: list[str]) -> None:
        self.path, self.faults = path, faults
        self.lines: dict[str, int] = {}  # where each key stands

    def fault(self, line: int, words: str) -> None:
        """Note a fault."""
        self.faults.append(f"{self.path}:{line}: {words}")

    def read(self, lookup: Lookup) -> Specialist | None:
        before = len(self.faults)
        if not self.path.is_file():  # a pipe or a device may have no end
            self.fault(1, "is no file")
            return None
        parts = self._parts()
        front = self._front_matter(parts[0]) if parts else None
        if parts is None or front is None:
            return None
        self._check(front, parts[1])
        key = (lookup(front.api_key_env) or "") if front.api_key_env else ""
        if front.api_key_env and not key:
            self.fault(self.lines["api_key_env"], f"the environment variable {front.api_key_env} is not set")
        if len(self.faults) > before:
            return None
        given = front.model_dump(exclude={"api_key_env", "tools", "asks", "model", "description"})
        return Specialist(
            **given,
            description=" ".join(front.description.split()),
            model="" if front.model == "inherit" else front.model,
            tools=tuple(dict.fromkeys([*front.tools, *front.asks])),
            asks=tuple(front.asks),
            instructions=parts[1],
            key=key,
            origin=f"{self.path}:{self.lines.get('tools', 1)}",
        )

    def _parts(self) -> tuple[str, str] | None:
        """Split the file into front matter and instructions."""
        try:
            raw = self.path.read_bytes()
            text = raw.decode("utf-8-sig")
        except OSError as error:
            self.fault(1, f"cannot be read: {error.strerror}")
            return None
        except UnicodeDecodeError as error:
            line = raw.count(b"\n", 0, error.start) + 1
            self.fault(line, f"is not UTF-8 text (byte {raw[error.start]:#x})")
            return None
        if len(raw) > FILE_LIMIT:
            self.fault(1, f"is {len(raw):,} bytes long; {FILE_LIMIT:,} are the most")
            return None
        lines = text.splitlines()
        if not lines or not _FENCE.fullmatch(lines[0]):
            self.fault(1, 'expected "---" and front matter with name and description')
            return None
        end = next((at for at, line in enumerate(lines[1:], 1) if _FENCE.fullmatch(line)), None)
        if end is None:
            self.fault(1, 'the front matter that begins here has no end; close it with a line "---"')
            return None
        return "\n".join(lines[1:end]), "\n".join(lines[end + 1 :]).strip()

    def _front_matter(self, text: str) -> _FrontMatter | None:
        try:
            node = yaml.compose(text, Loader=yaml.SafeLoader)
            if not isinstance(node, MappingNode):
                self.fault(2, "the front matter holds no keys; expected name: … and description: …")
                return None
            for key, _ in node.value:
                if str(key.value) in self.lines:
                    self.fault(key.start_mark.line + 2, f"{key.value!r} is given a second time")
                self.lines[str(key.value)] = key.start_mark.line + 2
            # Plain strings and lists: YAML would make a date of 2026-02-30, and fail; pydantic knows what a key holds.
            values = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - makes no objects at all
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            why = getattr(error, "problem", None) or "no valid YAML"
            quotes = "; put text that holds a colon in quotes" if "mapping values" in why else ""
            self.fault(mark.line + 2 if mark else 2, f"{why}{quotes}")
            return None
        try:
            return _FrontMatter.model_validate({key: value for key, value in values.items() if value not in _NOTHING})
        except ValidationError as error:
            for fault in error.errors():
                self.fault(self.lines.get(str(fault["loc"][0]), 1), _worded(fault))
            return None

    def _check(self, front: _FrontMatter, body: str) -> None:
        """Check what no single key can tell."""
        if bool(front.url) != bool(front.graph):
            have, need = ("url", "graph") if front.url else ("graph", "url")
            self.fault(self.lines[have], f"{have} is given without {need}; a graph on another server needs both")
        if front.url and not re.match(r"https?://[^/]", front.url):
            self.fault(self.lines["url"], f"{front.url!r} is no http:// or https:// address")
        if front.url:
            for key in ("model", "tools", "asks", "max_output_tokens", "temperature"):
                if key in self.lines:
                    self.fault(self.lines[key], f"{key} means nothing here: the other server decides it")
        elif not body:
            self.fault(1, "there are no instructions below the front matter")
        if front.api_key_env and not front.url:
            self.fault(self.lines["api_key_env"], "api_key_env is for a graph on another server (url)")
        if front.model and front.model != "inherit":
            try:
                provider_of(front.model)
            except NoModel:
                self.fault(self.lines["model"], f'{front.model!r} is no model; expected provider:name, or "inherit"')


def _worded(error: Any) -> str:
    name = str(error["loc"][0])
    if error["type"] == "extra_forbidden":
        return f"unknown key {name!r}; known: {', '.join(sorted(_FrontMatter.model_fields))}"
    if error["type"] == "missing":
        return f"{name} is missing"
    return f"{name}: {error['msg']} (got {reprlib.repr(error['input'])})"  # YAML's aliases make trees beyond all size
