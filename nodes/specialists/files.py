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
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from yaml.nodes import MappingNode

from nodes.errors import BadSettings, NoModel
from nodes.models import provider_of
from nodes.specialists.registry import Specialist, folded

FILE_LIMIT = 100_000  # bytes; instructions longer than that are a book, and go into every call

Lookup = Callable[[str], str | None]  # an environment variable's name → what it says (None: not set)

_FENCE = re.compile(r"---[ \t]*")


class SpecialistError(BadSettings):
    """A specialist is wrong; each fault with its file and line."""


def _listed(told: Any) -> Any:
    """Read "a, b" as [a, b], as sub-agent files elsewhere write it."""
    return [one.strip() for one in told.split(",") if one.strip()] if isinstance(told, str) else told or []


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
    found, faults = list[Specialist](), list[str]()
    paths = [one for one in sorted(folder.glob("*.md")) if one.name.lower() != "readme.md" and one.name[0] != "."]
    for path in paths:
        one = _File(path, faults).read(lookup)
        same = next((each for each in found if one and folded(each.name) == folded(one.name)), None)
        if same is not None:
            faults.append(f"{path}:2: the name {same.name!r} is taken by {same.origin}")
        elif one:
            found.append(one)
    if faults:
        raise SpecialistError("\n".join(faults))
    return found


class _File:
    """One file being read; what is wrong with it goes to `faults`."""

    def __init__(self, path: Path, faults: list[str]) -> None:
        self.path, self.faults = path, faults
        self.lines: dict[str, int] = {}  # where each key stands

    def fault(self, line: int, told: str) -> None:
        """Note a fault."""
        self.faults.append(f"{self.path}:{line}: {told}")

    def read(self, lookup: Lookup) -> Specialist | None:
        before = len(self.faults)
        parts = self._parts()
        told = self._front_matter(parts[0]) if parts else None
        if parts is None or told is None:
            return None
        self._check(told, parts[1])
        key = (lookup(told.api_key_env) or "") if told.api_key_env else ""
        if told.api_key_env and not key:
            self.fault(self.lines["api_key_env"], f"the environment variable {told.api_key_env} is not set")
        if len(self.faults) > before:
            return None
        given = told.model_dump(exclude={"api_key_env", "tools", "asks", "model", "description"})
        return Specialist(
            **given,
            description=" ".join(told.description.split()),
            model="" if told.model == "inherit" else told.model,
            tools=tuple(dict.fromkeys([*told.tools, *told.asks])),
            asks=tuple(told.asks),
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
            told = yaml.safe_load(text)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            why = getattr(error, "problem", None) or "no valid YAML"
            quotes = "; put text that holds a colon in quotes" if "mapping values" in why else ""
            self.fault(mark.line + 2 if mark else 2, f"{why}{quotes}")
            return None
        try:
            return _FrontMatter.model_validate({key: value for key, value in told.items() if value is not None})
        except ValidationError as error:
            for one in error.errors():
                self.fault(self.lines.get(str(one["loc"][0]), 1), _worded(one))
            return None

    def _check(self, told: _FrontMatter, body: str) -> None:
        """Check what no single key can tell."""
        if bool(told.url) != bool(told.graph):
            have, need = ("url", "graph") if told.url else ("graph", "url")
            self.fault(self.lines[have], f"{have} is given without {need}; a graph on another server needs both")
        if told.url and not re.match(r"https?://[^/]", told.url):
            self.fault(self.lines["url"], f"{told.url!r} is no http:// or https:// address")
        if told.url:
            for key in ("model", "tools", "asks", "max_output_tokens", "temperature"):
                if key in self.lines:
                    self.fault(self.lines[key], f"{key} means nothing here: the other server decides it")
        elif not body:
            self.fault(1, "there are no instructions below the front matter")
        if told.api_key_env and not told.url:
            self.fault(self.lines["api_key_env"], "api_key_env is for a graph on another server (url)")
        if told.model and told.model != "inherit":
            try:
                provider_of(told.model)
            except NoModel:
                self.fault(self.lines["model"], f'{told.model!r} is no model; expected provider:name, or "inherit"')


def _worded(error: Any) -> str:
    name = str(error["loc"][0])
    if error["type"] == "extra_forbidden":
        return f"unknown key {name!r}; known: {', '.join(sorted(_FrontMatter.model_fields))}"
    if error["type"] == "missing":
        return f"{name} is missing"
    return f"{name}: {error['msg']} (got {error['input']!r})"
