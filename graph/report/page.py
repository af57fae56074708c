"""Page: a run as one HTML page that loads nothing and needs no script; what others wrote passes the sanitiser. Pure."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import yaml
from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from graph.plan_text import fallback_line, frame_lines
from graph.report.charts import share, timelines, worked
from graph.report.marks import PREFIX, anchored, linked, names_of, without_repeats
from graph.report.quotes import marked
from graph.sanitise import CONTENT_SECURITY_POLICY, harmless, one_line, to_html
from nodes.state import State
from nodes.synthesis import language_of, words_for

TITLE = 160  # characters of a request that is its own title; a longer one is told whole below
RIGHT_TO_LEFT = ("ar",)
_TO_DO = re.compile(r"<li>\[([ xX])\] ")
_BOXES = {" ": "☐", "x": "☑", "X": "☑"}
_MARK = re.compile(r'<mark id="([^"]+)"')
SENTENCE = re.compile(r"(?<=[.!?…])\s")


@cache
def _template() -> Any:
    environment = Environment(
        loader=PackageLoader("graph.report", "."),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["line"] = one_line
    environment.filters["usd"] = lambda usd: None if usd is None else f"${usd:.4f}" if usd < 1 else f"${usd:,.2f}"
    return environment.get_template("page.html")


@cache
def _all_words() -> dict[str, dict[str, str]]:
    text = files("graph.report").joinpath("words.yaml").read_text(encoding="utf-8")
    words: dict[str, dict[str, str]] = yaml.safe_load(text)
    return words


def html(state: State) -> str:
    """Write a run as one page: the answer first, then what is in dispute and missing, how it went, and the workers' texts."""
    language = language_of(state.get("answer", "")) or language_of(state["request"])
    spoken = language if language in _all_words() else "en"
    workers = list(_workers(state))
    answer, places = anchored(_markup(linked(_told_once(state), state), headings=True))
    page: str = _template().render(
        css=Markup(_css()),  # noqa: S704 - ours
        policy=CONTENT_SECURITY_POLICY,
        lang=spoken,
        right_to_left=RIGHT_TO_LEFT,
        answer_lang=language or "",
        words=_all_words()[spoken],
        prefix=PREFIX,
        state=state,
        title=_title(state["request"]),
        whole_request=state["request"] if _title(state["request"]) != one_line(state["request"]) else "",
        answer=Markup(answer),  # noqa: S704 - sanitised by _markup
        names=names_of(state),
        places=places,
        workers=workers,
        quoted={place for worker in workers for place in _MARK.findall(worker["text"])},
        timelines=list(timelines(state.get("outcomes", []), _all_words()[spoken]["timeline"])),
        share=share,
        plans=_plans(state),
        frame=list(frame_lines((state.get("plan") or {}).get("frame") or {})),
        fallback=fallback_line(state.get("plan") or {}),
        seconds=sum(_lengths(state)),
    )
    return harmless(page)


def answer_alone(state: State) -> str:
    """Give the answer as HTML by itself, its marks as they stand."""
    return _markup(state.get("answer", ""), headings=True)


@cache
def _css() -> str:
    return files("graph.report").joinpath("page.css").read_text(encoding="utf-8")


def _markup(text: str, *, headings: bool = False) -> str:
    return _TO_DO.sub(lambda match: f'<li class="todo">{_BOXES[match.group(1)]} ', to_html(text, headings=headings))


def _told_once(state: State) -> str:
    """Give the answer without the lists that code has added to it: their entries stand in places of their own here."""
    answer = state.get("answer", "")
    words = words_for(answer, state["request"])
    untold = {words["differ"]: state.get("disagreements"), words["missing"]: state.get("gaps")}
    return without_repeats(answer, {heading for heading, entries in untold.items() if entries})


def _title(request: str) -> str:
    """Give a request that is short as its own title, else its first sentence or its beginning."""
    text = one_line(request)
    if len(text) <= TITLE:
        return text
    first = SENTENCE.split(text)[0]
    return first if len(first) <= TITLE else text[:TITLE].rsplit(" ", 1)[0] + " …"


def _workers(state: State) -> Iterator[dict[str, Any]]:
    """Give each outcome with its text as HTML, what is quoted from it marked, and the entries that it has a side in."""
    for outcome in state.get("outcomes", []):
        sides, text = list[str](), _markup(outcome["output"])
        for entry in state.get("disagreements", []):
            for position in entry["positions"]:
                if entry.get("id") and position["subtask_id"] == outcome["id"] and entry["id"] not in sides:
                    sides.append(entry["id"])
                    text = marked(text, position["quote"] or "", f"{PREFIX}{entry['id']}-{outcome['id']}")
        language = language_of(outcome["output"]) or ""
        yield {**outcome, "text": Markup(text), "sides": sides, "lang": language, "worked": worked(outcome)}  # noqa: S704 - sanitised


def _plans(state: State) -> list[Mapping[str, Any]]:
    return [plan for plan in [*state.get("plans", []), state.get("plan") or {}] if plan.get("subtasks")]


def _lengths(state: State) -> Iterator[float]:
    """Give how long the workers of each round took, the slowest of each."""
    outcomes = state.get("outcomes", [])
    for number in {outcome["round"] for outcome in outcomes}:
        yield max(outcome["seconds"] for outcome in outcomes if outcome["round"] == number)
