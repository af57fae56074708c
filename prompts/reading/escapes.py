"""Escapes: JSON's and Python's string escapes undone, in whole strings and in those that were cut."""

import re
from json.decoder import scanstring  # type: ignore[attr-defined]  # typeshed leaves it out

from prompts.reading.cut import Broken, CutStr, WorkLimit

ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|.)", re.DOTALL)
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", '"': '"', "'": "'", "\\": "\\", "/": "/", "\n": ""}


def unescape(text: str, work: WorkLimit) -> str:
    """Undo JSON and Python string escapes; the backslash of what is no escape, as in a pattern, stays."""
    if "\\" not in text:
        return text
    try:
        unescaped, end = scanstring(text + '"', 0, False)  # noqa: FBT003  # in C, where every escape is one of JSON's
    except ValueError:
        end = 0
    if end == len(text) + 1:
        return str(unescaped)
    work.spend(text.count("\\") // 2)
    codes = [match[1] for match in ESCAPE.finditer(text)]
    unknown = any(len(code) == 1 and code not in ESCAPES for code in codes)
    if unknown and re.search(r"(?<!\\)\\[bfnrt][a-z]", text):
        raise Broken  # C:\Users\new: nobody can tell whether \n is a newline here
    unescaped = ESCAPE.sub(_character, text)
    return unescaped.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass") if "\\u" in text else unescaped


def _character(match: re.Match[str]) -> str:
    code = match[1]
    return chr(int(code[1:], 16)) if len(code) > 1 else ESCAPES.get(code, match[0])


def unescape_cut(text: str, work: WorkLimit) -> CutStr:
    """Unescape a string that was cut, without the half escape at its end."""
    text = text[:-20] + re.sub(r"(?<!\\)((?:\\\\)*)\\(?:u[0-9a-fA-F]{0,3})?\Z", r"\1", text[-20:])
    try:
        return CutStr(unescape(text, work))
    except Broken:
        return CutStr(text)
