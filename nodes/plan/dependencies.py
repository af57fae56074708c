"""Leaning: a task that needs what another subtask finds, which no worker can see."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from nodes.plan import cues
from nodes.text import plain, stem, unspaced

READ_LIMIT = 4_000  # characters of a task that are searched; more is over-long anyway
_MENTIONS = 12  # of one name in one task that are looked at
_NEAR = 90  # characters on either side of a mention that are looked at
_SHORT = 3  # letters; a shorter name says nothing about whom it names
_SENTENCE = re.compile(r"(?<=[.!?;])\s+|[。！？；\n]|(?<=؟)")
_BREAK = re.compile("[,，、;；(（]")
_HAN_NAME_END = re.compile(
    "(?:负责人|协调员|规划师|设计师|工程师|分析师|策划人?|专家|专员|顾问|经理|主管|团队|人员|教师|老师|師|师|员|員|組|组|家|者|担当者?|係|専門家)$"
)
_HEADS = 14  # words at the start of a task that say what it makes
_LETTERS = re.compile(r"[^\W\d_]+")
_ARABIC = re.compile("[\u0621-\u064a]")
_GAP = 50  # characters between what a task goes by and whose it is
_CLAUSE = re.compile("[,;،]")
_CLAUSE_END = re.compile(r"[,;.،]")
_FOR_WHOM = re.compile(r"(?:^|\s)for (?:the |our )?$")
_FROM_WHOM = re.compile(r"(?:from|by|of|des|der|vom|von|du|de la|del|de l'|من) ?(?:the |ال)?$")
_COUNTS = re.compile(
    "(?:s|task|step|aufgabe|schritt|tache|etape|tarea|paso|任务|任務|步骤|步驟|タスク) ?[0-9一二三四五六七八九]|لمهمه|لخطوه"
)  # what LOOSELY_NUMBERED needs, cheaply
_NOTHING = frozenset(("none", "null", "no", "n/a", "na", "nothing", "keine", "aucune", "ninguna", "无", "لا شيء"))


@dataclass(frozen=True)
class Text:
    """A task or the request, as nodes.text.plain folds it."""

    whole: str

    @cached_property
    def plain(self) -> str:
        """Return the text as far as it is read."""
        return self.whole[:READ_LIMIT]

    @cached_property
    def sentences(self) -> list[str]:
        """Return its sentences."""
        return [" ".join(part.split()) for part in _SENTENCE.split(self.plain) if part.strip()]

    @cached_property
    def stems(self) -> list[str]:
        """Return its words without endings, in order."""
        return [stem(word) for word in _LETTERS.findall(self.plain)]

    @cached_property
    def stem_set(self) -> frozenset[str]:
        """Return the set of its words without endings."""
        return frozenset(self.stems)


@dataclass(frozen=True)
class Member:
    """One subtask of the plan, as the others may speak of it."""

    name: str
    text: Text

    @cached_property
    def plain_name(self) -> str:
        """Return the name, folded."""
        return " ".join(plain(self.name[:80]).split())

    @cached_property
    def makes(self) -> frozenset[str]:
        """Return the words for what it makes."""
        return frozenset(self.text.stems[:_HEADS])

    @cached_property
    def called(self) -> frozenset[str]:
        """Return the words of its name."""
        return frozenset(stem(word) for word in _LETTERS.findall(self.plain_name))

    @cached_property
    def calls(self) -> list[str]:
        """Return how other tasks may call it, the surest first."""
        name = self.plain_name
        if unspaced(name):
            core = _HAN_NAME_END.sub("", name)
            return [one for one in dict.fromkeys((name, core)) if len(one) > 1]
        words = [word for word in _LETTERS.findall(name) if len(word) > _SHORT]
        ends = [word for word in (words[-1:] + words[:1]) if word not in _COMMON]
        return [one for one in dict.fromkeys((name, *ends)) if len(one) >= _SHORT]


# Parts of names that name nobody on their own.
_COMMON = frozenset(
    """specialist expert expertin officer manager coordinator consultant adviser advisor lead team head chief senior event
    responsable chargee charge encargado encargada tecnico expert experto spezialist berater leiter مسءول مسيول منسق خبير مدير
    project general مشرف quality public food""".split()  # noqa: SIM905 - read as text
)


@dataclass(frozen=True)
class Team:
    """The subtasks of a plan and the request they were made from."""

    members: Sequence[Member]
    request: Text

    @cached_property
    def calls(self) -> list[tuple[str, Member, bool]]:
        """Return what each specialist may be called, whose it is, and whether scripts without spaces write it."""
        found: dict[str, tuple[str, Member, bool]] = {}
        for member in {member.plain_name: member for member in reversed(self.members)}.values():
            for call in member.calls:
                if call == member.plain_name or call not in self.request.plain:
                    found.setdefault(call, (call, member, unspaced(call)))
        return list(found.values())

    @cached_property
    def makers(self) -> list[tuple[frozenset[str], frozenset[str], str]]:
        """Return for each subtask the words for what it makes, all its words, and its head in one piece."""
        return [
            (one.makes | one.called, one.text.stem_set | one.called, one.plain_name + one.text.plain[: _HEADS * 4])
            for one in self.members
        ]


def leaning(at: int, team: Team, depends_on: object) -> str | None:
    """Find the words with which a task leans on another one's result (None: it stands alone)."""
    if _told(depends_on, at):
        return f"depends on {_shown(depends_on)}"
    me = team.members[at]
    own = set(_LETTERS.findall(me.plain_name))
    named = [
        (call, member)
        for call, member, joined in team.calls
        if call in me.text.plain
        and member.plain_name != me.plain_name
        and not (call in me.plain_name if joined else call in own)
    ]
    before = ""
    for number, sentence in enumerate(me.text.sentences):
        for found, start, end in _in_sentence(sentence, at, team, named, before, first=number == 0):
            if not _turned_round(sentence, start, end) and not (len(found) > _SHORT and found in team.request.plain):
                return found
        before += f" {sentence}"
    return None


def _told(depends_on: object, at: int) -> bool:
    if isinstance(depends_on, list | tuple | set | dict):
        return any(_told(one, at) for one in depends_on)
    said = plain(str(depends_on)).strip(" .-–—[]()\"'") if depends_on not in (None, False, 0, "") else ""
    return bool(said) and said not in _NOTHING and said not in (f"s{at + 1}", f"subtask {at + 1}")


def _shown(depends_on: object) -> str:
    many = isinstance(depends_on, list | tuple | set)
    return ", ".join(map(str, depends_on)) if many else str(depends_on)  # type: ignore[call-overload]


Found = tuple[str, int, int]


def _in_sentence(
    sentence: str, at: int, team: Team, named: list[tuple[str, Member]], before: str, *, first: bool
) -> Iterator[Found]:
    for found in cues.NUMBERED.finditer(sentence):
        if _another(found, at):
            yield found.group(), found.start(), found.end()
    for found in cues.LOOSELY_NUMBERED.finditer(sentence) if _COUNTS.search(sentence) else ():
        if _another(found, at) and _within(found, len(team.members)):
            yield found.group(), found.start(), found.end()
    for pattern in _of_script(sentence):
        for found in pattern.finditer(sentence):
            yield found.group(), found.start(), found.end()
    if first:
        unsaid = cues.UNSAID.match(sentence)
        if unsaid:
            yield unsaid.group(), unsaid.start(), unsaid.end()
    yield from _named(sentence, named, team.request)
    yield from _unnamed(sentence, at, team, before)


def _of_script(sentence: str) -> Sequence[re.Pattern[str]]:
    """Choose the patterns for others' work that a sentence's script can match at all: the rest only cost time."""
    *latin, han, arabic = cues.OTHERS
    if unspaced(sentence):
        return (han,)
    return (arabic,) if _ARABIC.search(sentence) else latin


def _another(found: re.Match[str], at: int) -> bool:
    """Tell whether a number is that of another subtask."""
    return next((group for group in found.groups() if group), "") != str(at + 1)


def _within(found: re.Match[str], size: int) -> bool:
    number = next((group for group in found.groups() if group), "")
    return not number.isdecimal() or int(number) <= size


def _turned_round(sentence: str, start: int, end: int) -> bool:
    """Tell whether a sentence leaves what it mentions to others, assumes it, or has it from the request."""
    ahead = cues.LIMIT.sub("", sentence[max(0, start - _NEAR) : start])
    if cues.NOT.search(ahead) or cues.NOT.search(cues.LIMIT.sub("", sentence[start:end])):
        return True
    rest = sentence[end : end + _NEAR]
    return bool(cues.NOT_AFTER.search(rest) or cues.ASKED.search(sentence[start : end + 40]))


def _named(sentence: str, named: list[tuple[str, Member]], request: Text) -> Iterator[Found]:
    """Find other specialists' names where something of theirs is used."""
    for call, member in named:
        if call not in sentence:
            continue
        makes = member.makes - request.stem_set
        for start, end in _places(sentence, call):
            found = _used(sentence, start, end, makes)
            if found:
                yield sentence[found[0] : found[1]], found[0], found[1]


def _places(sentence: str, call: str) -> Iterator[tuple[int, int]]:
    """Find where a name stands as a word (or starts one that only bends it)."""
    start, places = sentence.find(call), 0
    letters = not unspaced(call)
    while start >= 0 and places < _MENTIONS:
        end = start + len(call)
        if letters:
            tail = _LETTERS.match(sentence, end)
            end = tail.end() if tail and tail.end() - end <= _SHORT else end
            free = start == 0 or not sentence[start - 1].isalnum() or _arabic_prefix(sentence, start)
            if free and (end >= len(sentence) or not sentence[end].isalnum()):
                yield start, end
                places += 1
        else:
            yield start, end
            places += 1
        start = sentence.find(call, end)


def _arabic_prefix(sentence: str, start: int) -> bool:
    prefix = re.search(r"(?:^|[^\w])([\u0621-\u064a]{1,4})$", sentence[max(0, start - 5) : start])
    return bool(prefix) and prefix[1] in ("ال", "و", "ب", "ل", "لل", "بال", "وال", "ف")  # type: ignore[index]


def _used(sentence: str, start: int, end: int, makes: frozenset[str]) -> tuple[int, int] | None:
    ahead, rest = sentence[max(0, start - _NEAR) : start], sentence[end : end + _NEAR]
    if unspaced(sentence[start:end]):
        return _used_unspaced(ahead, rest, start, end)
    for use in (_possessed, _handed, _relied_on):
        length = use(ahead, rest, makes)
        if length is not None:
            return max(0, start - length[0]), end + length[1]
    return None


def _is_result(word: str, makes: frozenset[str]) -> bool:
    return bool(cues.IS_RESULT.match(word)) or stem(word) in makes


def _based(ahead: str) -> tuple[int, str] | None:
    """Find where a clause says what it goes by: how far back, and the words after it."""
    found = None
    for found in cues.BASED.finditer(ahead):  # noqa: B007 - the last
        pass
    if found is None or len(ahead) - found.end() > _GAP or _CLAUSE.search(ahead, found.end()):
        return None
    return len(ahead) - found.start(), ahead[found.end() :]


def _looked_at(ahead: str) -> int | None:
    """Find where a clause says what it looks at: how far back."""
    based = _based(ahead)
    if based:
        return based[0]
    for found in cues.LOOKS.finditer(ahead):
        if len(ahead) - found.end() <= _GAP and not _CLAUSE.search(ahead, found.end()):
            return len(ahead) - found.start()
    return None


def _possessed(ahead: str, rest: str, makes: frozenset[str]) -> tuple[int, int] | None:
    """Match "the caterer's menu" and "check the results of the caterer"."""
    if cues.POSSESSIVE_MARK.match(rest) and not _FOR_WHOM.search(ahead):
        for word in list(_LETTERS.finditer(rest, 2))[:3]:
            if _is_result(word.group(), makes):
                return 0, word.end()
            if rest[word.end() : word.end() + 1] != " ":
                break
        based = _based(ahead)
        if based:
            return based[0], 2
    of_them = cues.OF_THEM.search(ahead)
    looks = _looked_at(ahead) if of_them and cues.IS_RESULT.match(of_them[1]) else None
    return (looks, 0) if looks else None


def _handed(ahead: str, rest: str, _: frozenset[str]) -> tuple[int, int] | None:
    """Match "chosen by logistics", "that the caterer proposes" and "once logistics has decided"."""
    by_them = cues.BY_THEM.search(ahead)
    if by_them and cues.IS_HANDED.match(by_them[1]):
        return len(ahead) - by_them.start(), 0
    arabic = cues.HANDED_AR.search(ahead)
    if arabic:
        return len(ahead) - arabic.start(), 0
    relative = cues.RELATIVE.search(ahead)
    clause = _CLAUSE_END.split(rest, maxsplit=1)[0][:_GAP]
    if relative:
        for word in _LETTERS.finditer(clause):
            if cues.IS_HANDED.match(word.group()) or cues.IS_HANDED.match(
                clause[word.start() :][: len(word.group()) + 4]
            ):
                return len(ahead) - relative.start(), word.end()
    has = cues.THEY_HAVE.match(rest)
    return (0, has.end()) if has and cues.IS_HANDED.match(has[1]) else None


def _relied_on(ahead: str, rest: str, makes: frozenset[str]) -> tuple[int, int] | None:
    """Match "based on what logistics finds", "using the menu from the caterer" and "check the safety plan"."""
    based = _based(ahead)
    direct = based is not None and cues.DIRECTLY.match(based[1]) is not None
    if cues.FOR_THEM.search(ahead) and not direct:
        return None
    named = cues.NAMED.match(rest)
    looks = _looked_at(ahead) if named and cues.IS_RESULT.match(named[1]) else None
    if looks and named:
        return looks, named.end()
    if based is None:
        return None
    hands = cues.THEY_ARE.match(rest)
    if hands and cues.IS_HANDED.match(hands[1]):
        return based[0], hands.end()
    words = _LETTERS.findall(ahead)[-5:]
    thing = any(_is_result(word, makes) for word in words)
    # Arabic puts the thing right before its owner.
    owned = bool(words) and bool(_ARABIC.match(words[-1])) and _is_result(words[-1], makes)
    at_end = cues.AT_END.match(rest) is not None and (thing or direct)
    return (based[0], 0) if owned or at_end or (thing and _FROM_WHOM.search(ahead)) else None


def _used_unspaced(ahead: str, rest: str, start: int, end: int) -> tuple[int, int] | None:
    after = cues.JA_AFTER_NAME.match(rest)
    if after:
        return start, end + after.end()
    uses = cues.ZH_USES.search(ahead)
    if uses:
        follows = cues.ZH_AFTER_NAME.match(rest) or cues.ZH_RESULT_NEXT.match(rest)
        if follows:
            return start - len(ahead) + uses.start(), end + follows.end()
    waits = cues.ZH_WAITS.match(rest)
    if waits and (cues.ZH_BEFORE_NAME.search(ahead) or waits.group()):
        return start, end + waits.end()
    handed = cues.ZH_HANDED.match(rest)
    return (start, end + handed.end()) if handed else None


def _unnamed(sentence: str, at: int, team: Team, before: str) -> Iterator[Found]:
    """Find definite things ("the menu") that only another task of the plan makes."""
    if unspaced(sentence):
        yield from _unnamed_unspaced(sentence, at, team)
        return
    for pattern in cues.THINGS_ARABIC if _ARABIC.search(sentence) else cues.THINGS:
        for found in pattern.finditer(sentence):
            things = [stem(word) for word in found.groups() if word]
            earlier = {stem(word) for word in _LETTERS.findall(f"{before} {sentence[: found.start()]}")}
            if not things or any(thing in team.request.stem_set or thing in earlier for thing in things):
                continue
            if _made(things[-1], at, team, anywhere=pattern is not cues.THING):
                yield found.group(), found.start(), found.end()


def _made(thing: str, at: int, team: Team, *, anywhere: bool) -> bool:
    """Tell whether another subtask makes a thing (German ends its compounds with it)."""
    if len(thing) < _SHORT:
        return False
    for number, (makes, words, _) in enumerate(team.makers):
        said = words if anywhere else makes
        if number != at and (thing in said or (len(thing) > _SHORT and any(word.endswith(thing) for word in said))):
            return True
    return False


def _unnamed_unspaced(sentence: str, at: int, team: Team) -> Iterator[Found]:
    for pattern in cues.THINGS_UNSPACED:
        for found in pattern.finditer(sentence):
            piece = found[1] if pattern in (cues.ZH_THING, cues.JA_THING) else found[1][-2:]
            if pattern is cues.ZH_CHOSEN:
                piece = found[1][:2]
            if piece in team.request.plain or piece in sentence[: found.start(1)]:
                continue
            mine = pattern is cues.JA_DECIDED and piece in team.members[at].plain_name
            if mine or any(piece in head for number, (_, _, head) in enumerate(team.makers) if number != at):
                yield found.group(), found.start(), found.end()
