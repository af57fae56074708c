"""Near-JSON: one value read from near-JSON text, with what was cut off marked as cut."""

import json
import re
from collections.abc import Callable
from typing import Any

from prompts.reading.cut import Broken, CutList, WorkLimit, objects
from prompts.reading.escapes import unescape, unescape_cut

DEPTH = 40  # deeper than any plan; keeps recursion far from Python's limit
BLANK = r"[\s\u200b-\u200f\u2060-\u2064\ufeff]"  # signs without width are found between tokens
SPACE = re.compile(rf"{BLANK}*")
CLOSERS = {'"': '"', "'": "'", "`": "`", "“": '”“"', "„": '“”"', "‘": "’'", "«": "»"}
BODY = {shut: re.compile(rf"[^{shut}\\]*(?:\\.[^{shut}\\]*)*", re.DOTALL) for shut in CLOSERS.values()}
# A key, or what may become one where the text ends in it.
QUOTED_KEY = re.compile(
    rf"""["'“‘„`«][^"'“”‘’`«»\n{{}}\[\],:：]{{0,60}}(?:["'”’“`»]{BLANK}*(?:[:：]|=>)|["'”’]?\s*\Z)"""
)
KEY_TEXT = re.compile(r"[^\"“”{}\[\]\n:：]{1,120}")
BARE_KEY = re.compile(r"([^\W\d][\w-]{0,40}(?: [\w-]{1,40}){0,3})\s*(?:[:：]|=>?)")
# A string with the frame of JSON in it: a quote of its own was lost.
FRAME = re.compile(
    rf"""(?<!\\)["'”’]{BLANK}*[:：]{BLANK}*["'“‘\[{{]|["'”’]{BLANK}*,{BLANK}*["'“‘][^"'\n]{{1,40}}["'”’]{BLANK}*[:：]"""
)
LITERAL = re.compile(
    r"(?:-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null|none|nil|undefined)(?![\w.-])", re.IGNORECASE
)
HALF = re.compile(r"[\w.+-]{1,9}\s*\Z")  # a literal that the text ends in
COMMAS = ",，;"
CUT = object()  # stands for a value of which the text ended before it began, or half-way


class NearJsonReader:
    """Reads one value at `pos`; afterwards `pos` is behind it, `cut` says whether the text ended in it."""

    def __init__(self, text: str, pos: int, work: WorkLimit) -> None:
        self.text = text
        self.pos = pos
        self.work = work
        self.open: list[str] = []
        self.cut = False
        self.quoted_keys = True

    def read(self) -> Any:
        """Read the value, or raise Broken."""
        self.work.spend(3)
        self.pos = self._skip(self.pos)
        first = self.text[self.pos : self.pos + 1]
        if not first:
            self.cut = True
            return CUT
        if first == "{":
            return self._object()
        if first in "[(":
            items = self._members("]" if first == "[" else ")", self.read)
            return CutList(items) if self.cut else items
        return self._string() if first in CLOSERS else self._literal()

    def _skip(self, pos: int) -> int:
        """Step over white space and comments."""
        text = self.text
        while True:
            start = pos
            match = SPACE.match(text, pos)
            pos = match.end() if match else pos
            if text.startswith(("//", "#"), pos):
                end = text.find("\n", pos)
            elif text.startswith("/*", pos):
                end = text.find("*/", pos)
                end += 2 if end >= 0 else 0
            else:
                self.work.spend(1 + (pos - start) // 256)
                return pos
            begun, pos = pos, len(text) if end < 0 else end
            if "..." in text[begun:pos] or "…" in text[begun:pos]:
                raise Broken  # "// … and so on": not all is there
            self.work.spend(3 + (pos - start) // 64)

    def _object(self) -> Any:
        pairs = self._members("}", self._pair)
        return objects(pairs, cut=self.cut)

    def _pair(self) -> Any:
        key = self._key()
        value = CUT if key is CUT else self.read()
        return CUT if value is CUT else (key, value)

    def _members(self, shut: str, read: Callable[[], Any]) -> list[Any]:
        """Read to a closing bracket."""
        self.open.append(shut)
        self.pos += 1
        if len(self.open) > DEPTH:
            raise Broken
        members: list[Any] = []
        last: Any = CUT  # the member right before, without a comma behind it
        while not self.cut and not self._ends(last):
            if self.text[self.pos] in COMMAS:
                self.pos += 1
                last = CUT
                continue
            last = read()
            members += [] if last is CUT else [last]
        self.open.pop()
        return members

    def _ends(self, last: Any) -> bool:
        """Whether the innermost array or object ends here, or the text does (step over its bracket when it has one)."""
        self.pos = self._skip(self.pos)
        here = self.text[self.pos : self.pos + 1]
        if not here:
            self.cut = True
            return True
        if here == self.open[-1]:
            self.pos += 1
            return True
        if here in "]})":
            if last is CUT:
                raise Broken
            return True  # its bracket was lost
        if last is CUT:
            return False
        value = last[1] if isinstance(last, tuple) else last
        # Other text goes on behind a value without its bracket.
        return isinstance(value, dict | list) and here not in "{[\"'“„,，;" and not self._at_key(self.pos)

    def _key(self) -> Any:
        first = self.text[self.pos]
        if first in CLOSERS:
            key = self._string(key=True)
            self.quoted_keys = True
            if self.cut:
                return CUT
            if not KEY_TEXT.fullmatch(key):
                raise Broken
        else:
            match = BARE_KEY.match(self.text, self.pos)
            if not match:
                raise Broken
            key = match[1]
            self.pos = match.end(1)
            self.quoted_keys = False
        self.pos = self._skip(self.pos)
        sign = re.compile(r"[:：]|=>?").match(self.text, self.pos)
        if sign:
            self.pos = sign.end()
            return str(key)
        if self.pos >= len(self.text):
            self.cut = True
            return CUT
        raise Broken

    def _string(self, *, key: bool = False) -> str:
        text, first = self.text, self.text[self.pos]
        shut = CLOSERS[first]
        start = end = self.pos + 1
        inner = 0  # quotes within that ought to have been escaped
        while True:
            self.work.spend(3)
            match = BODY[shut].match(text, end)
            end = match.end() if match else end
            self.work.spend((end - self.pos) // 2048)
            if end >= len(text) or text[end] == "\\":
                self.cut = True
                self.pos = len(text)
                return unescape_cut(text[start:], self.work)
            if self._closes(end + 1, key=key):
                self.pos = end + 1
                odd = inner % 2 and first not in "'‘"  # an apostrophe has no partner
                if odd or (inner and FRAME.search(text, start, end)):
                    raise Broken
                return unescape(text[start:end], self.work)
            inner += 1
            end += 1

    def _closes(self, after: int, *, key: bool) -> bool:
        """Whether a quote that ends before `after` closes its string, judged by what follows."""
        at = self._skip(after)
        sign = self.text[at : at + 1]
        if not sign or not self.open:
            return True
        if key:
            return sign in ":：="
        if sign in COMMAS:
            return self._goes_on(self._skip(at + 1))
        if sign in "]})":
            return sign in self.open
        return "\n" in self.text[after:at] and self._at_item(at)  # a comma was lost

    def _goes_on(self, at: int) -> bool:
        """Whether another item of the innermost array or object (or its end) stands at `at`."""
        sign = self.text[at : at + 1]
        return not sign or sign in "]})" or sign in COMMAS or self._at_item(at)

    def _at_item(self, at: int) -> bool:
        if self.open[-1] == "}":
            return self._at_key(at)
        return self.text[at] in "{[(" or self.text[at] in CLOSERS or bool(LITERAL.match(self.text, at))

    def _at_key(self, at: int) -> bool:
        """Whether a key stands at `at`, written as the keys before it were (quoted or bare)."""
        return bool(QUOTED_KEY.match(self.text, at) or (not self.quoted_keys and BARE_KEY.match(self.text, at)))

    def _literal(self) -> Any:
        """Read a number, true, false or nothing."""
        if HALF.match(self.text, self.pos):
            self.cut = True
            return CUT
        match = LITERAL.match(self.text, self.pos)
        if not match:
            raise Broken
        self.pos = match.end()
        word = match[0].casefold()
        if word[0] in "-0123456789":
            return json.loads(word) if len(word) < 20 else word  # noqa: PLR2004
        return {"true": True, "false": False}.get(word)
