"""Prose: plans that are not JSON: tags, tables, labelled lines, and bullets of specialists with their tasks."""

import re
from collections import Counter

from prompts.reading import table_plan, vocabulary, xml_plan, yaml_plan
from prompts.reading.listing import Listing, Row
from prompts.reading.subtask_object import NotAPlan, subtask

CAP = 32_000  # characters
LINES = 800
ITEM = re.compile(r"([ \t]*)(?:[-*+•‣▪–]|\d{1,3}[.)、]|\(\d{1,3}\)|[A-Za-z][.)])[ \t]+(?:\[[ xX]\][ \t]+)?(\S.*)")
FENCE = re.compile(r"(?m)^(?:```|~~~)[\w.+-]*[ \t]*$\n?")
NAME = r"[^*`\[\]\n:：|.?!]{1,60}?"
HEADS = (
    re.compile(
        rf"(\*\*|__)({NAME})(?:[:：]\1|\1[ \t]*(?:[:：|]|->|=>|[-–—→])|\1[ \t]*\n)[ \t]*(?P<text>.*)", re.DOTALL
    ),
    re.compile(rf"(`)({NAME})`[ \t]*(?:[:：|]|->|=>|[-–—→])?[ \t]*(?P<text>.*)", re.DOTALL),
    re.compile(rf"()\[({NAME})\][ \t]*(?:[:：|]|->|=>|[-–—→])?[ \t]*(?P<text>[^(\s].*)", re.DOTALL),
    re.compile(
        r"()([^*`\[\]\n:：|.?!,;()]{1,60}?)(?:[ \t]*[:：][ \t]*|[ \t]+(?:[-–—→|]|->|=>)[ \t]+)(?P<text>\S.*)", re.DOTALL
    ),
)
MEANT = re.compile(
    r"\b(?:sub-?tasks?|plan(?:s|ned)?|specialists?|assign(?:ed|ments?)?|delegat\w+|workers?|agents?|experts?|tasks?|team|split|breakdown"
    r"|teilaufgaben|aufgaben|spezialisten|tâches|sous-tâches|spécialistes|tareas|subtareas|especialistas|tarefas|compiti|subtarefas)\b"
    r"|план|задач|специалист|任务|任務|计划|計画|計劃|专家|専門家|タスク|작업|계획|전문가|المهام|خطة",
    re.IGNORECASE,
)
ADVICE = re.compile(
    r"\b(?:tips?|advice|hints?|consider|remember|keep in mind|notes?|risks?|assumptions?|recommend\w*|reasons?|benefits?|steps? to)\b",
    re.IGNORECASE,
)
SUBLABEL = re.compile(r"(?:[-*+•][ \t]+)?(?:\*\*|__)?([^\W\d][\w ]{0,30})(?:\*\*|__)?[ \t]*[:：](?:\*\*|__)?[ \t]*")
REFUSED = re.compile(
    r"\b(?:sorry|cannot|can[’']?t|unable|won[’']t|will not|refus\w+|not able|need(?:s)? (?:more|to know|some)|need you|clarif\w+|before i"
    r"|could you|can you|please (?:provide|tell|share)|unfortunately|as an ai|not possible|concerns?|issues?|problems?|questions?|missing|unclear"
    r"|leider|kann nicht|désolé|lo siento|no puedo|je ne peux|desculpe|spiacente)\b|抱歉|无法|無法|できません|申し訳|извините|не могу|죄송",
    re.IGNORECASE,
)


def read(text: str, *, cut: bool) -> Listing | None:
    """Read a plan that is not JSON; None where nothing clearly is one.

    Where the endpoint said that the reply was cut, what may be half-written at its end is left out.
    """
    if len(text) > CAP or text.count("\n") > LINES:
        return None
    text = text.replace("\r\n", "\n")
    found = xml_plan.read(text)
    if found is not None:
        return found
    text = FENCE.sub("", text)
    return table_plan.read(text) or yaml_plan.read(text, cut=cut) or bullets(text, cut=cut)


def bullets(text: str, *, cut: bool) -> Listing | None:
    """Read the last list of "specialist: task" items that is clearly a plan."""
    lists = _lists(text.split("\n"))
    listings = [found for one in lists if (found := _bulleted(*one, cut=cut)) is not None]
    return listings[-1] if listings else None


def _lists(lines: list[str]) -> list[tuple[list[str], list[str], bool]]:
    """Cut a text into lists: their items, the prose before each, and whether each ends the text."""
    found: list[tuple[list[str], list[str], bool]] = []
    items: list[str] = []
    before: list[str] = []
    indent = 0
    for line in [*lines, "\0"]:
        match = ITEM.match(line)
        depth = len(line) - len(line.lstrip())
        if match and (not items or len(match[1]) <= indent):
            indent = len(match[1]) if not items else indent
            items.append(match[2].strip())
        elif items and line.strip() and depth > indent:
            items[-1] += "\n" + line.strip()
        elif line.strip():
            if items:
                found.append((items, before, line == "\0"))
                items, before = [], []
            before.append(line)
    return found


def _bulleted(items: list[str], before: list[str], ends: bool, *, cut: bool) -> Listing | None:  # noqa: FBT001
    cut = cut and ends
    if cut:
        items = items[:-1]  # nothing shows whether the last one is whole
    lead = " ".join(line.strip() for line in before[-3:])
    if (
        (before and ADVICE.search(before[-1]))
        or REFUSED.search(" ".join(before))
        or (before and not MEANT.search(lead))
        or (len(items) < 2 and not before)  # noqa: PLR2004
    ):
        return None
    for head in HEADS:
        heads = [head.fullmatch(item) for item in items]
        if all(heads):
            break
    else:
        return None
    names = [match[2].strip().rstrip("*_` ") for match in heads if match]
    texts = [_unlabelled(match["text"].strip()) for match in heads if match]
    asked = sum(bool(re.search(r"[?？]\s*$", text)) for text in texts)
    if not items or not all(map(_is_role, names)) or 2 * asked >= len(texts):
        return None
    if not before and Counter(len(name.split()) > 4 for name in names)[True]:  # noqa: PLR2004
        return None
    try:
        made = [subtask(name, text) for name, text in zip(names, texts, strict=True)]
    except NotAPlan:
        return None
    return Listing(tuple(Row(one, closed=True) for one in made), cut)


def _unlabelled(text: str) -> str:
    """Take the label off a task that has one under its specialist's name."""
    match = SUBLABEL.match(text)
    return text[match.end() :] if match and vocabulary.task(match[1]) is not None else text


def _is_role(name: str) -> bool:
    """Say whether a list item's head may name a specialist."""
    part = (
        vocabulary.task(name) is not None
        or vocabulary.other(name)
        or vocabulary.wrapper(name) is not None
        or vocabulary.numbered(name)
        or vocabulary.specialist(name) is not None
    )
    return bool(name) and len(name.split()) <= 6 and not part  # noqa: PLR2004
