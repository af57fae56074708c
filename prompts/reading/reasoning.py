"""Reasoning: the parts of a reply a model wrote to itself, which are no part of what it says."""

import re

NAMES = (
    "think|thinking|thought|thoughts|reasoning|reflection|scratchpad|analysis|internal_monologue"
    "|antthinking|seed:think|draft|example|examples|schema|chain_of_thought|cot"
)
# Every alternative begins with a literal, so that a search skips in C to the next place where one can be.
TAG = re.compile(
    rf"<(?P<shut>/?)(?P<name>(?i:{NAMES}))(?:\s[^<>]{{0,80}})?>"
    r"|\[(?P<shut2>/?)(?P<name2>THINK|THINKING|REASONING)\]"
    r"|◁(?P<open3>think)▷|◁(?P<shut3>/think)▷"
    r"|<(?P<open4>\|channel\|>(?:analysis|commentary)[^<>]{0,80}<\|message\||\|begin_of_thought\||unused94)>"
    r"|<(?P<shut4>\|channel\|>final[^<>]{0,80}<\|message\||\|end_of_thought\||unused95)>"
)


def name_of(tag: re.Match[str]) -> str:
    """Give the name that an opening tag and its closing tag share."""
    return (tag["name"] or tag["name2"] or ("kimi" if tag["open3"] or tag["shut3"] else "channel")).casefold()


def closes(tag: re.Match[str]) -> bool:
    """Say whether it is a closing tag."""
    return bool(tag["shut"] or tag["shut2"] or tag["shut3"] or tag["shut4"])


def end_of(text: str, tag: re.Match[str]) -> int | None:
    """Give where the block that the tag opens ends; None where it never does."""
    name = name_of(tag)
    return next((shut.end() for shut in TAG.finditer(text, tag.end()) if closes(shut) and name_of(shut) == name), None)


def visible(text: str) -> tuple[str, bool]:
    """Take reasoning blocks out; say also whether one was left open (what follows it is then lost)."""
    kept: list[str] = []
    waiting: str | None = None
    pos = 0
    for tag in TAG.finditer(text):
        if waiting is None and closes(tag):
            kept.clear()  # the opening tag stood in the prompt: everything up to here was reasoning
        elif waiting is None:
            kept.append(text[pos : tag.start()])
            waiting = name_of(tag)
            continue
        elif not closes(tag) or name_of(tag) != waiting:
            continue
        waiting = None
        pos = tag.end()
    if waiting is None:
        kept.append(text[pos:])
    return "".join(kept), waiting is not None
