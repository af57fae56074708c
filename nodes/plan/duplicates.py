"""Likeness: when two tasks are the same work, and when a task is the whole request again."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from rapidfuzz import fuzz
from rapidfuzz.distance import Levenshtein

from nodes.text import bare, folded, plain, split, stem, unspaced

READ_LIMIT = 4_000  # characters of a task that are compared; exact copies are compared whole
SAME_TEXT = 90  # of 100, RapidFuzz's ratio of the words in alphabetic order
SAME_WORK = 0.53  # of the weight of the words of two tasks
ASKED, SHARED = 0.2, 0.35  # weight of a word that the request says, or that most tasks share; 1 is any other's
_MOST_COMPARED = 300  # subtasks that later ones are compared with; beyond, only exact copies are looked for

# Words that carry no work: they neither tell two tasks apart nor make them one.
_EMPTY = frozenset(
    word
    for line in (
        "a an the and or of for in on at to from by with within up as is are be it its this that these those which who whom what how where when why",
        "each per no not more most than all any our your their we you i us me my he she they will would can could should may must do does only also then than least",
        "include including included give state say note use using make so if about into out over under no one two at etc such both between while without every",
        "der die das den dem des ein eine einen einem einer eines und oder von vom fur mit im in am an auf aus bei zu zum zur als ist sind wie was welche welcher",
        "wir uns unser unsere unserer euer ihr es sie man je pro nach bis uber unter hochstens mindestens auch dazu samt sowie jede jeder jedes etwa dabei nur dann wer nicht",
        "le la les l un une des de du d et ou a au aux en dans par pour avec sans sur que qui ce cette ces son sa ses leur nous vous on est sont plus moins chaque entre",
        "el la los las un una unos unas de del y o a al en con por para sin sobre que se su sus lo es son mas menos cada entre nuestro nuestra como",
        "من في علي الي عن مع او و ما هو هي كل لكل ان لا بما هذا هذه التي الذي بين ل ب لا قبل بعد يوم كم",
    )
    for word in line.split()
)
# Words with which any work is asked for, and the whole of it.
_ASKING = frozenset(
    stem(word)
    for line in (
        "plan plans planning organise organize organising organizing prepare create write develop handle manage produce design answer complete deliver arrange help please",
        "carry coordinate take care do draw draft propose suggest recommend list describe explain compile put together set work follow following request task question tell need want",
        "would like devise outline define specify provide present show find decide choose hold run host sort everything whole entire entirety full fully complete completely",
        "overall aspect aspects start finish end total including perform execute build detailed comprehensive final conceive come lay choose estimate calculate compute determine identify",
        "plane planen organisiere organisieren erstelle erstellen bereite vor bitte schreibe entwirf entwickle liste stelle zusammen beantworte frage folgende folgendes aufgabe erledige",
        "mache gesamte gesamten ganze ganzen komplette kompletten alles vollstandig beschreibe erklare nenne lege fest schlage vor verfasse berechne ermittle uberlege kummere dich veranstalte wollen bitte",
        "organise prepare planifie ecris redige etablis propose dresse liste compose imagine fais realise reponds question suivante tout toute ensemble complet complete decris explique concois elabore s'il te plait",
        "organiza prepara planifica escribe redacta haz disena propon elabora enumera describe explica todo toda completo completa responde pregunta siguiente tarea favor monta realiza calcula",
        "خطط نظم اعد اكتب ضع حدد اقترح صمم اذكر اشرح كامل كامله كل جميع باكمله بالكامل المهمه التاليه السؤال يرجي من فضلك قم حضر جهز اختر احسب تنفيذ اجب",
    )
    for word in line.split()
)
_WHOLE = re.compile(
    r"(?<!\w)(?:whole|entire|everything|all aspects|complete|from start to finish|overall|in full|gesamte?[nsrm]?|ganze?[nsrm]?|komplette?[nsrm]?|alles|"
    r"tou[ts]e?|entiere?|integralite|complete?|tod[oa]s?|enter[oa]|complet[oa]|كامل\w*|كل|جميع|باكمله|بالكامل)(?!\w)"
    "|整个|整個|全部|所有|完整|全套|全体|すべて|全て|まるごと|全面"
)
_JOINED = frozenset(("and", "or", "und", "oder", "et", "ou", "y", "e", "o", "و", "vs"))
_STARTS_FACTS = frozenset(
    "for on with at in during within fur am mit bei zu pour le avec para el con en in ل في يوم بميزانيه في".split()  # noqa: SIM905 - read as text
)
# Scripts without spaces: what says nothing, by substring.
_EMPTY_HAN = re.compile(
    "请|帮我们?|完成|以下|任务|問題|问题|回答|策划|计划|規劃|规划|组织|組織|筹备|准备|安排|制定|制訂|拟定|设计|設計|撰写|编写|列出|写出|给出|写明|注明|说明|提供|举办|办|一场|一次|一份|一个|整个|全部|所有|完整|活动|"
    "我们|的|了|和|与|及|以及|为|在|并|有|要|用|从|到|把|将|也|等|每|各|其|个|份|位|名|包括|包含|不超过|以内|总共|总|下|"
    "企画|計画|作成|作って|作る|開催|開きたい|開く|準備|全体|すべて|ください|して|する|したい|です|ます|こと|ため|について|それぞれ|考え|示し|書い|挙げ|説明し|[のをにはがでともやへ]"
)
_HAN_WORD = re.compile("[\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff]+|[^\\W\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff]+")
_SECOND = re.compile(
    r"\b(?:independent(?:ly)?(?: \w+)? (?:check|second|verif\w+|estimat\w+|assess\w*|calculat\w+|review|control|opinion|cross)\w*|second (?:opinion|check|look|estimate|calculation|independent)|"
    r"(?:cross|double|counter)[ -]?(?:check|verif)\w*|check\w* independently|independently (?:of|from) (?:the )?(?:other|first|subtask)|independently (?:work|compute|calculate|estimate|verify|check|assess)\w*|"
    r"gegenpruf\w*|gegenrechn\w*|gegencheck\w*|zweitmeinung|zweite (?:meinung|prufung|schatzung|rechnung)|unabhangige?[nrs]? \w*(?:prufung|kontrolle|schatzung|rechnung|meinung)|unabhangig (?:nach|pruf|berechn)\w*|doppelte? (?:prufung|kontrolle)|"
    r"contre[ -](?:verif|expert|calcul|controle)\w*|second avis|deuxieme avis|verification independante|de (?:facon|maniere) independante|controle independant|"
    r"segunda (?:opinion|comprobacion|estimacion|revision)|(?:verificacion|comprobacion|contraste|estimacion|revision) independiente|de forma independiente|contraverific\w*)\b"
    "|独立(?:复核|核查|检查|验证|核实|估算|评估|计算|地|进行)|复核|交叉(?:验证|检查|核对|核查|核实)|二次(?:核查|检查|验证)|再次(?:核实|验证)|第二意见|"
    "独立した?(?:検証|確認)|独立に|ダブルチェック|クロスチェック|再検証|検算|第二の意見|別途検証|"
    "تحقق مستقل|مراجعه مستقله|تدقيق مستقل|راي ثان|تحقق مزدوج|بشكل مستقل|فحص مستقل|تقدير مستقل|تحقق متقاطع|حساب مستقل"
)


@dataclass(frozen=True)
class Work:
    """A task's words, as they are compared."""

    raw: str

    @cached_property
    def plain(self) -> str:
        """Return the whole text, folded but with its punctuation."""
        return plain(self.raw)

    @cached_property
    def folded(self) -> str:
        """Return the whole text, folded."""
        return bare(self.plain)

    @cached_property
    def words(self) -> list[str]:
        """Return its words as they stand (the characters of a script without spaces)."""
        text = self.folded[:READ_LIMIT]
        return list(text.replace(" ", "")) if unspaced(text) else text.split()

    @cached_property
    def content(self) -> list[str]:
        """Return its words that carry work, without endings, in order."""
        text = self.folded[:READ_LIMIT]
        if unspaced(text):
            return [
                piece
                for run in _HAN_WORD.findall(_EMPTY_HAN.sub(" ", text))
                for piece in (split(run) if unspaced(run) else [run])
            ]
        return [stemmed for word in text.split() if word not in _EMPTY and (stemmed := stem(word)) not in _ASKING]

    @cached_property
    def bag(self) -> frozenset[str]:
        """Return the set of these."""
        return frozenset(self.content)

    @cached_property
    def ordered(self) -> str:
        """Return its words in alphabetic order."""
        return (
            " ".join(sorted(self.words)) if not unspaced(self.folded[:READ_LIMIT]) else " ".join(sorted(self.content))
        )

    @cached_property
    def numbers(self) -> frozenset[str]:
        """Return the numbers in it."""
        return frozenset(re.findall(r"\d+", self.folded[:READ_LIMIT]))

    @cached_property
    def second_look(self) -> bool:
        """Tell whether it says that it checks something a second time on purpose."""
        return bool(_SECOND.search(self.plain[:READ_LIMIT]))


def weights(plan: Sequence[Work], request: Work) -> dict[str, float]:
    """Weigh words: what the request says, or most tasks share, tells two tasks less apart."""
    counts = Counter(word for one in plan for word in one.bag)
    common = max(2, len(plan) / 2)
    return {word: ASKED if word in request.bag else SHARED if count > common else 1.0 for word, count in counts.items()}


def same_work(plan: Sequence[Work], at: int, weight: dict[str, float], limit: int = _MOST_COMPARED) -> int | None:
    """Find an earlier task that is nearly the same work as this one (None: there is none)."""
    mine, size = plan[at], len(plan[at].bag)
    for number, other in enumerate(plan[: min(at, limit)]):
        if 3 * len(mine.bag & other.bag) < min(size, len(other.bag)) or not other.folded or _parallel(mine, other):
            continue
        if likeness(mine, other, weight) >= SAME_WORK or fuzz.ratio(mine.ordered, other.ordered) >= SAME_TEXT:
            return number
    return None


def likeness(one: Work, other: Work, weight: dict[str, float]) -> float:
    """Compare two tasks, 0 to 1: twice the weight they share, of the weight of both."""
    both = _weigh(one.bag, weight) + _weigh(other.bag, weight)
    shared = one.bag & other.bag
    if len(shared) < 2 or not both:  # noqa: PLR2004
        return 0.0
    return 2 * _weigh(shared, weight) / both


def _weigh(bag: frozenset[str], weight: dict[str, float]) -> float:
    return sum(weight.get(word, 1.0) for word in bag)


def _parallel(one: Work, other: Work) -> bool:
    """Tell apart one task for Berlin and one for Vienna: the same sentence, with one thing put for another."""
    if one.numbers - other.numbers and other.numbers - one.numbers:
        return True
    a, b = one.words, other.words
    start = next((at for at, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    left = min(len(a), len(b)) - start
    end = next((at for at in range(left) if a[-1 - at] != b[-1 - at]), left)
    here, there = a[start : len(a) - end], b[start : len(b) - end]
    if not start or not here or not there or start + end < 0.4 * min(len(a), len(b)):
        return False
    said, told = set(here) - _EMPTY, set(there) - _EMPTY
    return bool(said and told and len(said & told) <= 0.25 * min(len(said), len(told)))


def is_whole_request(task: Work, request: Work, name: str, others: Sequence[Work]) -> bool:
    """Tell whether a task is the request again: word for word, reworded, or by asking for all of it."""
    asked, said = request.bag, task.bag
    if len(asked) < 2 or not said:  # noqa: PLR2004 - of "Write a poem" every task is a paraphrase
        return task.folded == request.folded and bool(said)
    own = said - asked
    covered = len(said & asked) / len(asked)
    if request.folded in task.folded and len(request.folded) > 0.6 * len(task.folded) and len(own) <= 3:  # noqa: PLR2004
        return True
    head = _head(request)
    named = bool(others and head and head <= said)
    if not own and (covered >= 0.6 or named) and not _drops_part(task, request):  # noqa: PLR2004
        return True
    everything = bool(_WHOLE.search(task.plain[:400]))
    if everything and others and not own:
        return len(said & asked) >= 2 and (not head or bool(head & said))  # noqa: PLR2004
    if everything and len(others) > 2 and head and head <= said:  # noqa: PLR2004
        touched = {at for at, other in enumerate(others) if own & other.bag}
        if len(touched) > 2 and own <= frozenset().union(*(other.bag for other in others)):  # noqa: PLR2004
            return True
    return _reworded(task, request, own, covered, name)


def _head(request: Work) -> frozenset[str]:
    """Return the words of what is asked for, before its circumstances: "street party" of "… for 80 people"."""
    if unspaced(request.folded[:READ_LIMIT]):
        return frozenset()
    words: list[str] = []
    for word in request.folded[:READ_LIMIT].split():
        if (word in _STARTS_FACTS or word[0].isdigit()) and words:
            break
        stemmed = stem(word)
        if word not in _EMPTY and stemmed not in _ASKING and not word[0].isdigit():
            words.append(stemmed)
    return frozenset(words) if 2 <= len(words) <= 5 else frozenset()  # noqa: PLR2004


def _drops_part(task: Work, request: Work) -> bool:
    """Tell whether a task leaves out one of several things the request joins: then it is a part."""
    words = request.words
    for at, word in enumerate(words[1:-1], 1):
        if word in _JOINED:
            beside = {stem(words[at - 1]), stem(words[at + 1])} & request.bag
            if beside - task.bag:
                return True
    if unspaced(request.folded[:READ_LIMIT]):
        return any(
            piece[:2] not in task.folded or piece[2:] not in task.folded
            for piece in re.findall("[\u4e00-\u9fff]{2}(?:和|与|及|、|と|や)[\u4e00-\u9fff]{2}", request.raw)
            for piece in [re.sub("和|与|及|、|と|や", "", piece)]
        )
    return False


def _reworded(task: Work, request: Work, own: frozenset[str], covered: float, name: str) -> bool:
    """Tell whether the few words of a task's own stand in the place of the request's, instead of narrowing it."""
    if not own or covered < 0.7 or len(own) > max(1, len(task.bag) * 0.25):  # noqa: PLR2004
        return False
    if own & {stem(word) for word in folded(name).split()} or any(word[0].isdigit() for word in own):
        return False
    head = _head(request)
    if head and not head <= task.bag:
        return False
    if unspaced(task.folded[:READ_LIMIT]):
        return len(set("".join(own)) - set(request.folded)) < 2 and not _drops_part(task, request)  # noqa: PLR2004
    edits = Levenshtein.opcodes(request.content, task.content)
    inserted = {
        word for edit in edits if edit.tag == "insert" for word in task.content[edit.dest_start : edit.dest_end]
    }
    return not own & inserted
