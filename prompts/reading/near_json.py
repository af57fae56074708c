"""Lenient JSON: one value read from near-JSON text, with what was cut off marked as cut."""

import json
import re
from json.decoder import scanstring  # type: ignore[attr-defined]  # typeshed leaves it out
from typing import Any

DEPTH = 40  # deeper than any plan; keeps recursion far from Python's limit
SPACE = re.compile(r"[\s\u200b\u200e\u200f\u2060\ufeff]*")
CLOSERS = {'"': '"', "'": "'", "`": "`", "“": '”“"', "„": '“”"', "‘": "’'", "«": "»"}
BODY = {shut: re.compile(rf"[^{shut}\\]*(?:\\.[^{shut}\\]*)*", re.DOTALL) for shut in CLOSERS.values()}
QUOTED_KEY = re.compile(r"""(["'“‘„`«])[^"'“”‘’`«»\n{}\[\],:：]{1,60}["'”’“`»]\s*(?:[:：]|=>)""")
KEY_TEXT = re.compile(r"[^\"“”{}\[\]\n:：]{1,120}")
BARE_KEY = re.compile(r"([^\W\d][\w-]{0,40}(?: [\w-]{1,40}){0,3})\s*(?:[:：]|=>?)")
# A string that was never closed, and the next attempt's JSON within it.
SWALLOWED = re.compile(r"""\n[ \t]*(?:(?:```|~~~)\w*\s*\n\s*)?[\[{]\s*["'{\[]\s*["'\w]""")
# A string with the frame of JSON in it: a quote of its own was lost.
FRAME = re.compile(r"""(?<!\\)["'”’]\s*[:：]\s*["'“‘\[{]|["'”’]\s*,\s*["'“‘][^"'\n]{1,40}["'”’]\s*[:：]""")
FENCE = re.compile(r"```|~~~|</")
LITERAL = re.compile(
    r"(?:-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null|none|nil|undefined)(?![\w.-])", re.IGNORECASE
)
LITERALS = {"true": True, "false": False}
BARE = re.compile(r"[^\W\d_][^,，;{}\[\]()\"“”:：\n`]*")
ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|.)", re.DOTALL)
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", '"': '"', "'": "'", "\\": "\\", "/": "/", "\n": ""}
COMMAS = ",，;"
CUT = object()  # stands for a value of which the text ended before it began, or half-way


class Broken(Exception):
    """Text that is not near enough to JSON."""


class OutOfWork(Exception):
    """The text asks for more work than any honest reply does."""


class Work:
    """What is left of the work one reply may cost (1 is about a microsecond)."""

    def __init__(self, left: int = 30_000) -> None:
        self.left = left

    def spend(self, units: int) -> None:
        """Take units, or raise OutOfWork."""
        self.left -= units
        if self.left < 0:
            raise OutOfWork


class CutDict(dict[str, Any]):
    """An object the text ended in; settled when it ended right after a whole value."""

    settled = False


class CutList(list[Any]):
    """An array the text ended in; settled when it ended right after a whole value."""

    settled = False


class CutStr(str):
    """A string the text ended in: half-written."""

    __slots__ = ()


def objects(pairs: list[tuple[str, Any]]) -> Any:
    """Make a dict of pairs; a list of dicts where a key comes twice (several objects that lost their braces)."""
    made: list[dict[str, Any]] = [{}]
    for key, value in pairs:
        if key in made[-1]:
            made.append({})
        made[-1][key] = value
    return made[0] if len(made) == 1 else made


def unescape(text: str, work: Work) -> str:
    """Undo JSON and Python string escapes; the backslash of what is no escape, as in a pattern, stays."""
    if "\\" not in text:
        return text
    try:
        plain, end = scanstring(text + '"', 0, False)  # noqa: FBT003  # in C, where every escape is one of JSON's
    except ValueError:
        end = 0
    if end == len(text) + 1:
        return str(plain)
    work.spend(text.count("\\") // 2)
    codes = [match[1] for match in ESCAPE.finditer(text)]
    unknown = any(len(code) == 1 and code not in ESCAPES for code in codes)
    if unknown and re.search(r"(?<!\\)\\[bfnrt][a-z]", text):
        # C:\Users\new: nobody can tell whether \n is a newline here.
        raise Broken
    plain = ESCAPE.sub(_escaped, text)
    return plain.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass") if "\\u" in text else plain


def _escaped(match: re.Match[str]) -> str:
    code = match[1]
    if len(code) > 1:
        return chr(int(code[1:], 16))
    return ESCAPES.get(code, match[0])


def half(text: str, work: Work) -> CutStr:
    """Unescape a string that was cut, without the half escape at its end."""
    text = re.sub(r"(?<!\\)((?:\\\\)*)\\(?:u[0-9a-fA-F]{0,3})?\Z", r"\1", text[-20:]).join([text[:-20], ""])
    try:
        return CutStr(unescape(text, work))
    except Broken:
        return CutStr(text)


class Reader:
    """Reads one value at `pos`; afterwards `pos` is behind it, `cut` and `mended` say how whole it stood."""

    def __init__(self, text: str, pos: int, work: Work) -> None:
        self.text = text
        self.pos = pos
        self.work = work
        self.open: list[str] = []
        self.cut = False
        self.mended = False
        self.quoted_keys = True

    def read(self) -> Any:
        """Read the value, or raise Broken."""
        value = self._value()
        if self.mended and not self.cut:
            after = self._skip(self.pos)
            if self.text[after : after + 1] in set(",]}{[\"'"):  # closed too early: there is more
                raise Broken
        return value

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

    def _value(self) -> Any:
        self.work.spend(3)
        self.pos = self._skip(self.pos)
        first = self.text[self.pos : self.pos + 1]
        if not first:
            self.cut = True
            return CUT
        if first == "{":
            return self._object()
        if first in "[(":
            return self._array("]" if first == "[" else ")")
        return self._string() if first in CLOSERS else self._bare()

    def _over(self) -> bool:
        return self.cut

    def _enter(self, shut: str) -> None:
        self.open.append(shut)
        self.pos += 1
        if len(self.open) > DEPTH:
            raise Broken

    def _object(self) -> Any:
        self._enter("}")
        pairs: list[tuple[str, Any]] = []
        settled = False
        while not self._ends(pairs, settled):
            if self.cut:
                break
            if self.text[self.pos] in COMMAS:
                self.pos += 1
                settled = False
                continue
            key = self._key()
            value = CUT if key is CUT else self._value()
            if value is CUT:
                settled = False
                break
            pairs.append((key, value))
            settled = not isinstance(value, CutStr | CutDict | CutList)
            if self._over():
                break
        self.open.pop()
        made = objects(pairs)
        if self.cut and isinstance(made, dict):
            made = CutDict(made)
        elif self.cut:
            made = CutList([*made[:-1], CutDict(made[-1])])
        if self.cut:
            made.settled = settled
            (made[-1] if isinstance(made, list) else made).settled = settled
        return made

    def _array(self, shut: str) -> Any:
        self._enter(shut)
        items: list[Any] = []
        settled = False
        while not self._ends(items, settled):
            if self.cut:
                break
            if self.text[self.pos] in COMMAS:
                self.pos += 1
                settled = False
                continue
            value = self._value()
            if value is CUT:
                settled = False
                break
            items.append(value)
            settled = not isinstance(value, CutStr | CutDict | CutList)
            if self._over():
                break
        self.open.pop()
        if not self.cut:
            return items
        made = CutList(items)
        made.settled = settled
        return made

    def _ends(self, inside: list[Any], settled: bool) -> bool:  # noqa: FBT001
        """Whether the innermost array or object ends here (step over its bracket when it has one)."""
        self.pos = self._skip(self.pos)
        here = self.text[self.pos : self.pos + 1]
        if not here:
            self.cut = True
            return False
        if here == self.open[-1]:
            self.pos += 1
            return True
        if here in "]})":
            if here not in self.open:
                raise Broken
            self.mended = True
            return True
        if settled and inside and FENCE.match(self.text, self.pos):
            self.mended = True
            return True
        last = inside[-1][1] if inside and isinstance(inside[-1], tuple) else inside[-1] if inside else None
        if settled and isinstance(last, dict | list) and here not in "{[\"'“„,，;" and not self._at_key(self.pos):
            self.mended = True  # prose goes on behind a value that lost its last bracket
            return True
        return False

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
                if re.fullmatch(r"\w{1,60}\s*", self.text[self.pos : self.pos + 62]):
                    self.cut = True
                    return CUT
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
        if text.startswith(first * 3, self.pos) and first in "\"'":
            return self._long_string(first * 3)
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
                return half(text[start:], self.work)
            if self._closes(end + 1, key=key):
                self.pos = end + 1
                odd = inner % 2 and first not in "'‘"  # an apostrophe has no partner
                if odd or (inner and FRAME.search(text, start, end)) or SWALLOWED.search(text, start, end):
                    raise Broken
                return unescape(text[start:end], self.work)
            if not text[start:end].strip():
                raise Broken  # a doubled quote: nobody can tell which one counts
            inner += 1
            end += 1

    def _long_string(self, quotes: str) -> str:
        start = self.pos + 3
        end = self.text.find(quotes, start)
        if end < 0:
            self.cut = True
            self.pos = len(self.text)
            return half(self.text[start:], self.work)
        self.pos = end + 3
        return unescape(self.text[start:end], self.work)

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
            return sign in self.open and self._shuts(at)
        if FENCE.match(self.text, at):
            return "\n" in self.text[after:at] or sign == "<"
        lost_comma = "\n" in self.text[after:at] or (at > after and self.open[-1] == "}")
        return lost_comma and self._at_item(at)

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
        if QUOTED_KEY.match(self.text, at):
            return True
        rest = self.text[at : at + 70]
        if self.quoted_keys:  # a key the text ends in
            return bool(re.fullmatch(r"[\"'“‘][^\"'“‘{}\[\],:\n]{0,60}[\"'”’]?\s*", rest)) and at + len(rest) == len(
                self.text
            )
        return bool(BARE_KEY.match(self.text, at))

    def _shuts(self, at: int) -> bool:
        """Whether the bracket at `at` is a bracket of ours and no part of a string, judged by what follows it."""
        if len(self.open) == 1:
            return True
        after = self._skip(at + 1)
        sign = self.text[after : after + 1]
        return not sign or sign in ",]});{，[" or bool(FENCE.match(self.text, after)) or self._at_key(after)

    def _bare(self) -> Any:
        """Read a literal, a number or a string without quotes."""
        match = LITERAL.match(self.text, self.pos)
        if match:
            word = match[0].casefold()
            self.pos = match.end()
            if word[0] in "-0123456789":
                return json.loads(match[0]) if len(word) < 20 else match[0]  # noqa: PLR2004
            return LITERALS.get(word)
        match = BARE.match(self.text, self.pos)
        if not match or not self.open:
            raise Broken
        end = self._skip(match.end())
        if end >= len(self.text):
            self.cut = True
            self.pos = len(self.text)
            return CutStr(match[0])
        sign = self.text[end]
        newline = "\n" in self.text[match.end() : end]
        if (
            (sign in COMMAS and self._goes_on(self._skip(end + 1)))
            or (sign in "]})" and self._shuts(end))
            or (newline and self._at_item(end))
        ):
            self.pos = end
        else:
            raise Broken
        return match[0].strip()
