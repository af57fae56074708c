"""Strings: text from a model made safe and short, and told from what only stands for a text."""

import re

# A terminal's escape sequences, whole: without its first character the rest would stay as litter.
SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-_])")
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
ECHO = re.compile(
    r"<[^<>]{0,200}>|\{{1,9}[^{}]{0,200}\}{1,9}|\[[^\[\]]{0,200}\]|\.{2,200}|…|_{1,200}|-{1,200}|\(\.\.\.\)"
    r"|(?:your|the|a|an) [\w ]{3,30} here",
    re.IGNORECASE,
)


def clean(text: str) -> str:
    """Make a string safe to keep: no control characters but newline and tab, no lone surrogates."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.isascii():
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return CONTROL.sub("", SEQUENCE.sub("", text)).strip()


def shortened(text: str, limit: int) -> str:
    """Cut a text at a word, with an ellipsis, where it is longer than its bound."""
    if len(text) <= limit:
        return text
    head = text[: limit - 1]
    return (head[: head.rfind(" ")] if " " in head[limit // 2 :] else head).rstrip() + "…"


def is_echo(text: str) -> bool:
    """Say whether a text stands for another: <name>, {task}, "…", "string"."""
    return (len(text) < 200 and ECHO.fullmatch(text) is not None) or text.casefold() in {"string", "str"}  # noqa: PLR2004
