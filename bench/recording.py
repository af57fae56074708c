"""Recording: a real run in a real terminal, and the compiled graph, as the pictures in docs/.

    python bench/recording.py [FOLDER]    writes docs/run.svg and docs/graph.svg

No picture is written by hand: run.svg replays what a pseudo-terminal of 100 columns was sent by `orchestrate demo`, at
the times at which it was sent; graph.svg is laid out from the nodes and edges of graph.build.graph. No network.
"""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Mapping, Sequence
from html import escape
from itertools import groupby
from pathlib import Path
from types import TracebackType
from typing import Any, Self

FRAME_S = 0.16  # the least time between two frames of the recording
LAST_S = 6.0  # how long the last frame stays before the recording starts again

_PIECE = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|\x1b[()][A-Za-z0-9]|\x1b[=>78]|([\r\n\x08\x07])|(.)", re.DOTALL)

Cell = tuple[str, str]  # a character, and the SGR parameters it is written with


class Screen:
    """What a terminal shows: enough of its control codes for what rich sends; anything else is an error."""

    def __init__(self, columns: int = 100, rows: int = 32) -> None:
        self.columns, self.rows = columns, rows
        self.lines: list[list[Cell]] = [[]]
        self.row = self.column = 0
        self.style = ""
        self.cursor = True
        self._rest = ""

    def feed(self, text: str) -> None:
        """Take what was sent to the terminal."""
        text, self._rest = self._rest + text, ""
        cut = text.rfind("\x1b")
        if cut >= 0 and not _PIECE.match(text[cut:]):  # a sequence that has not wholly arrived
            text, self._rest = text[:cut], text[cut:]
        for found in _PIECE.finditer(text):
            parameters, kind, control, char = found.groups()
            if kind:
                self._sequence(parameters, kind)
            elif control:
                self._control(control)
            elif char:
                self._write(char)

    def _control(self, control: str) -> None:
        if control == "\n":
            self.row += 1
            self._reach()
        elif control == "\r":
            self.column = 0
        elif control == "\x08":
            self.column = max(0, self.column - 1)

    def _sequence(self, parameters: str, kind: str) -> None:
        number = int(parameters) if parameters.isdigit() else 1
        match kind:
            case "m":
                self.style = "" if parameters in {"", "0"} else f"{self.style};{parameters}".strip(";")
            case "A":
                self.row = max(self.row - number, len(self.lines) - self.rows, 0)
            case "B":
                self.row = min(self.row + number, len(self.lines) - 1)
            case "C":
                self.column = min(self.column + number, self.columns - 1)
            case "K":
                self.lines[self.row] = [] if parameters == "2" else self.lines[self.row][: self.column]
            case "J":
                self.lines[self.row :] = [self.lines[self.row][: self.column]]
            case "h" | "l" if parameters == "?25":
                self.cursor = kind == "h"
            case _:
                raise ValueError(f"a terminal sequence that is not known here: ESC [ {parameters} {kind}")

    def _write(self, char: str) -> None:
        if self.column >= self.columns:
            self.row, self.column = self.row + 1, 0
            self._reach()
        line = self.lines[self.row]
        line += [(" ", "")] * (self.column + 1 - len(line))
        line[self.column] = (char, self.style)
        self.column += 1

    def _reach(self) -> None:
        while self.row >= len(self.lines):
            self.lines.append([])

    @property
    def text(self) -> str:
        """Everything on the screen and scrolled off it, without colours."""
        return "\n".join("".join(char for char, _ in line).rstrip() for line in self.lines)

    @property
    def visible(self) -> list[list[Cell]]:
        """The lines in sight."""
        return [list(line) for line in self.lines[-self.rows :]]


class Terminal:
    """A process in a pseudo-terminal of its own, and what it shows there."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], columns: int = 100, rows: int = 32
    ) -> None:
        self.screen = Screen(columns, rows)
        self.sent = ""  # everything, control codes included
        self.frames: list[tuple[float, list[list[Cell]]]] = []  # seconds since the start, lines in sight
        self._bytes = b""
        self._here, there = pty.openpty()
        fcntl.ioctl(there, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        # A session leader that opens a terminal gets it as its own: Ctrl-C works as it does for a person.
        shell = ["sh", "-c", 'tty=$0; exec "$@" <"$tty" >"$tty" 2>&1', os.ttyname(there), *command]
        self.began = time.monotonic()
        self.process = subprocess.Popen(shell, env={**environment, "TERM": "xterm-256color"}, start_new_session=True)
        self._there = there

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        os.close(self._here)
        os.close(self._there)

    def read(self, seconds: float) -> bool:
        """Take in what arrives within some seconds; False: nothing came."""
        if not select.select([self._here], [], [], seconds)[0]:
            return False
        self._bytes += os.read(self._here, 65536)
        text = self._bytes.decode("utf-8", "ignore")
        self._bytes = self._bytes[len(text.encode()) :]
        self.sent += text
        self.screen.feed(text)
        self.frames.append((time.monotonic() - self.began, self.screen.visible))
        return True

    def wait_for(self, words: str, seconds: float = 30, *, after: int = 0) -> int:
        """Wait until the terminal was sent some words, and say where they end; TimeoutError shows the screen."""
        end = time.monotonic() + seconds
        while words not in self.sent[after:]:
            if time.monotonic() > end or (not self.read(0.1) and self.process.poll() is not None):
                raise TimeoutError(f"{words!r} was not shown; the screen is:\n{self.screen.text}")
        return self.sent.index(words, after) + len(words)

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._here, keys.encode())

    def end(self, seconds: float = 60) -> int:
        """Wait for the end of the process and give its exit code."""
        end = time.monotonic() + seconds
        while self.process.poll() is None:
            self.read(0.05)
            if time.monotonic() > end:
                raise TimeoutError(f"no end after {seconds} s; the screen is:\n{self.screen.text}")
        while self.read(0.05):
            pass
        return self.process.returncode


# -- the run ---------------------------------------------------------------------------------------------------------

WIDE, HIGH = 8.4, 17.5  # one character
SIDE, TOP = 18, 46  # the window's edges
NARROW = chr(160)  # a space that no renderer collapses
INK, PAPER = "#d8dee9", "#161b22"
COLOURS = {30: "#161b22", 31: "#ff7b72", 32: "#7ee787", 33: "#e3b341", 34: "#79c0ff", 35: "#d2a8ff", 36: "#76e3ea",
           37: "#d8dee9", 90: "#8b949e"}  # fmt: skip


def _look(style: str) -> str:
    """Turn SGR parameters into SVG attributes."""
    colour, classes = INK, ""
    numbers = [int(number) for number in style.split(";") if number]
    if 38 in numbers and numbers[numbers.index(38) :][1:2] == [5]:
        del numbers[numbers.index(38) : numbers.index(38) + 3]
    if 38 in numbers and numbers[numbers.index(38) :][1:2] == [2]:
        del numbers[numbers.index(38) : numbers.index(38) + 5]
    for number in numbers:
        colour = COLOURS.get(number, COLOURS.get(number - 60, colour) if number > 90 else colour)
        classes += {1: ' font-weight="bold"', 3: ' font-style="italic"', 4: ' text-decoration="underline"'}.get(
            number, ""
        )
        if number == 2:
            classes += ' opacity=".62"'
    return f'fill="{colour}"{classes}'


def _line(cells: Sequence[Cell]) -> str:
    """Draw one line of a screen at its baseline."""
    parts, at = [], 0
    for style, run in groupby(cells, key=lambda cell: cell[1]):
        text = "".join(char for char, _ in run)
        if text.strip():
            lead = len(text) - len(text.lstrip())
            shown = text.strip()
            parts.append(
                f'<text x="{(at + lead) * WIDE:.1f}" textLength="{len(shown) * WIDE:.1f}" {_look(style)}>'
                f"{escape(shown.replace(' ', NARROW), quote=False)}</text>"
            )
        at += len(text)
    return "".join(parts)


def _thinned(frames: Sequence[tuple[float, list[list[Cell]]]]) -> list[tuple[float, list[list[Cell]]]]:
    """Leave out frames that are followed too soon by the next, and those that show nothing new."""
    kept: list[tuple[float, list[list[Cell]]]] = []
    for number, (at, lines) in enumerate(frames):
        following = frames[number + 1][0] if number + 1 < len(frames) else at + LAST_S
        if following - at < FRAME_S / 8 or (kept and kept[-1][1] == lines):
            continue
        if kept and at - kept[-1][0] < FRAME_S and number + 1 < len(frames):
            continue
        kept.append((at, lines))
    return kept


def recording(terminal: Terminal, title: str) -> str:
    """Draw a run as an animated SVG; where nothing moves (or may not), its last frame stands."""
    frames = [(at, lines) for at, lines in _thinned(terminal.frames) if any(lines)]
    start, total = frames[0][0], frames[-1][0] - frames[0][0] + LAST_S
    names: dict[str, str] = {}
    groups, rules = [], []
    for number, (at, lines) in enumerate(frames):
        uses = []
        for row, cells in enumerate(lines):
            drawn = _line(cells)
            if drawn:
                name = names.setdefault(drawn, f"l{len(names)}")
                uses.append(f'<use href="#{name}" y="{(row + 1) * HIGH:.1f}"/>')
        last = number + 1 == len(frames)
        opens = 100 * (at - start) / total
        closes = 100.0 if last else 100 * (frames[number + 1][0] - start) / total
        groups.append(
            f'<g class="f" id="f{number}"' + (' style="visibility:visible"' if last else "") + f">{''.join(uses)}</g>"
        )
        rules.append(
            f"@keyframes k{number}{{0%,{opens:.3f}%{{visibility:{'visible' if opens == 0 else 'hidden'}}}"
            f"{opens + 0.001:.3f}%,{closes:.3f}%{{visibility:visible}}"
            + ("" if last else f"{closes + 0.001:.3f}%,100%{{visibility:hidden}}")
            + f"}}#f{number}{{animation:k{number} {total:.2f}s step-end infinite}}"
        )
    width = terminal.screen.columns * WIDE + 2 * SIDE
    height = terminal.screen.rows * HIGH + TOP + SIDE
    lines_drawn = "".join(f'<g id="{name}">{drawn}</g>' for drawn, name in names.items())
    dots = "".join(
        f'<circle cx="{22 + 20 * n}" cy="22" r="6" fill="{c}"/>'
        for n, c in enumerate(("#ff5f57", "#febc2e", "#28c840"))
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
        f'height="{height:.0f}" role="img" aria-label="{escape(title)}"><title>{escape(title)}</title>'
        f"<style>text{{white-space:pre;font-kerning:none}}.f{{visibility:hidden}}@media (prefers-reduced-motion:no-preference)"
        f"{{{''.join(rules)}}}</style><defs>{lines_drawn}</defs>"
        f'<rect x=".5" y=".5" width="{width - 1:.0f}" height="{height - 1:.0f}" rx="10" fill="{PAPER}" stroke="#3d444d"/>'
        f'{dots}<text x="{width / 2:.0f}" y="27" text-anchor="middle" fill="#8b949e" font-size="13" '
        f'font-family="system-ui,sans-serif">{escape(title)}</text>'
        f'<g font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,DejaVu Sans Mono,monospace" font-size="14" '
        f'transform="translate({SIDE} {TOP - 6})">{"".join(groups)}</g></svg>\n'
    )


# -- the graph -------------------------------------------------------------------------------------------------------

BOX, GAP, MIDDLE, TALL = 128, 46, 150, 54
INSIDE = {"worker": "× n, side by side", "planner": "writes the plan", "validator": "no model", "approval": "if asked for",
          "synthesiser": "one answer"}  # fmt: skip


def _order(edges: Sequence[tuple[str, str, bool]]) -> list[str]:
    """Put the nodes in the order in which a run first reaches them; what always follows on another comes after it."""
    following: dict[str, list[str]] = {}
    for source, target, _ in edges:
        following.setdefault(source, []).append(target)
    depth = {"__start__": 0}
    waiting = ["__start__"]
    while waiting:
        node = waiting.pop(0)
        for target in following.get(node, []):
            if target not in depth and target != "__end__":
                depth[target] = depth[node] + 1
                waiting.append(target)
    for source, target, conditional in edges:
        if not conditional:
            depth[target] = max(depth[target], depth[source] + 1)
    return [*sorted(depth, key=lambda node: depth[node]), "__end__"]


def drawing(graph: Any) -> str:
    """Draw a compiled graph as an SVG: a row of nodes, ways back below, ways past others above."""
    edges = [(edge.source, edge.target, bool(edge.conditional)) for edge in graph.get_graph().edges]
    nodes = _order(edges)
    left, at = {}, 26.0
    for node in nodes:
        left[node] = at
        at += (_width(node)) + GAP
    width = at - GAP + 26
    places = {node: nodes.index(node) for node in nodes}
    paths = [_edge(source, target, places, left, conditional=conditional) for source, target, conditional in edges]
    boxes = [_node(node, left[node]) for node in nodes]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} 300" width="{width:.0f}" height="300" role="img" '
        'aria-label="The graph: planner, validator, approval, workers side by side, synthesiser"><title>orchestrator</title>'
        '<defs><marker id="a" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0 8 4 0 8Z" fill="#57606a"/></marker></defs>'
        f'<rect x=".5" y=".5" width="{width - 1:.0f}" height="299" rx="12" fill="#ffffff" stroke="#d0d7de"/>'
        f'<g fill="none" stroke="#57606a" stroke-width="1.6" marker-end="url(#a)">{"".join(paths)}</g>'
        f'<g font-family="system-ui,-apple-system,Segoe UI,DejaVu Sans,sans-serif" text-anchor="middle">{"".join(boxes)}</g></svg>\n'
    )


def _width(node: str) -> int:
    return 64 if node.startswith("__") else BOX


def _node(node: str, x: float) -> str:
    wide, y = _width(node), MIDDLE - TALL / 2
    if node.startswith("__"):
        return (
            f'<rect x="{x}" y="{MIDDLE - 17}" width="{wide}" height="34" rx="17" fill="#24292f"/>'
            f'<text x="{x + wide / 2}" y="{MIDDLE + 5}" font-size="13" fill="#ffffff">{node.strip("_")}</text>'
        )
    fill, line = {"worker": ("#dafbe1", "#2da44e"), "approval": ("#fff8c5", "#bf8700")}.get(
        node, ("#ddf4ff", "#0969da")
    )
    copies = (12, 6, 0) if node == "worker" else (0,)
    cards = "".join(
        f'<rect x="{x + more}" y="{y - more}" width="{wide}" height="{TALL}" rx="9" fill="{fill}" stroke="{line}" stroke-width="1.5"/>'
        for more in copies
    )
    return (
        f'{cards}<text x="{x + wide / 2}" y="{MIDDLE - 2}" font-size="16" font-weight="600" fill="#1f2328">{node}</text>'
        f'<text x="{x + wide / 2}" y="{MIDDLE + 17}" font-size="12" fill="#57606a">{INSIDE.get(node, "")}</text>'
    )


def _edge(source: str, target: str, places: Mapping[str, int], left: Mapping[str, float], *, conditional: bool) -> str:
    dash = ' stroke-dasharray="5 4"' if conditional else ""
    step = places[target] - places[source]
    start, end = left[source] + _width(source) / 2, left[target] + _width(target) / 2
    if step == 1:
        off = 12 if source == "worker" else 0
        return f'<path d="M{left[source] + _width(source) + off} {MIDDLE}H{left[target] - 3}"{dash}/>'
    if step > 0:  # over the others
        edge, high = MIDDLE - TALL / 2, 34 + 22 * max(0, 4 - step)
        foot = MIDDLE - 20 if target == "__end__" else edge - 3
        return f'<path d="M{start + 14} {edge}C{start + 40} {high} {end - 50} {high} {end - 8} {foot}"{dash}/>'
    edge, low = MIDDLE + TALL / 2, MIDDLE + TALL / 2 + 26 - 26 * step
    return f'<path d="M{start - 14} {edge}C{start - 34} {low} {end + 34} {low} {end + 14} {edge + 3}"{dash}/>'


def main() -> None:
    """Make both pictures."""
    from graph.build import graph

    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "docs")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "graph.svg").write_text(drawing(graph), encoding="utf-8")
    command = str(Path(sys.executable).with_name("orchestrate"))
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ORCHESTRATOR_", "OPENAI_", "LANG", "XDG_"))
    }
    with tempfile.TemporaryDirectory() as home:  # the run is not to be kept among the user's own
        own = {"HOME": home, "LANG": "C.UTF-8", "LANGSMITH_TRACING": "false"}
        with Terminal([command, "demo", "--model", "scripted:street-party"], kept | own) as terminal:
            code = terminal.end()
    if code:
        raise SystemExit(f"the run ended with {code}:\n{terminal.screen.text}")
    (folder / "run.svg").write_text(recording(terminal, "orchestrate demo"), encoding="utf-8")
    print(f"{folder}/graph.svg, {folder}/run.svg: {len(terminal.frames)} frames seen")


if __name__ == "__main__":
    main()
