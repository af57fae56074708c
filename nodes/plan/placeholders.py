"""Placeholders: words that stand where a task or a specialist's name should be, without being one."""

import re

from nodes.text import folded, length_in_words, plain, unspaced

# Closed vocabularies: a short text made of nothing else says nothing. Several languages, because a model that fills a
# form without thought does so in the language of the request.
_HOLLOW = """
    tbd tba tbc todo na none null nil nothing xxx xx foo bar baz lorem ipsum placeholder string text value task tasks subtask
    subtasks job item step part title name description details detail example sample content specialist worker expert
    deliverable instructions instruction goal objective something whatever etc ellipsis pending unknown undefined untitled
    to be do done decided determined defined confirmed announced specified assigned added filled completed written later
    soon follow follows following here there goes come comes insert enter add fill put write describe your my this that
    the a an of for in out by with at it is will what should and or so on another next first second third some more other
    same as above n sub not yet available applicable assign define specify complete one two three four five
    folgt folgen noch offen wird werden festgelegt zu klaren klären bestimmt definiert erganzen ergänzen ausfüllen
    ausfullen eintragen platzhalter aufgabe aufgaben teilaufgabe beschreibung der die das hier einfugen einfügen beispiel
    beispieltext ergänzt später spater keine kein angabe unbekannt titel schritt teil festzulegen einsetzen ist des fur
    a à définir definir déterminer preciser préciser completer compléter remplir tâche tache sous exemple ici plus tard de la le
    etape étape description décrire confirmer venir aucun aucune inconnu
    por pendiente tarea tareas subtarea definir determinar completar confirmar ejemplo aqui aquí descripcion descripción
    el más mas tarde paso ninguno ninguna rellenar añadir insertar
    da definire compito descrizione esempio tarefa descrição exemplo seguir siguiente
    سيحدد سيتم تحديده لاحقا يحدد قيد التحديد مهمة المهمة مهام فرعية وصف مثال هنا اكتب ادخل أدخل نص خطوة الخطوة رقم غير محدد
    الاولى الأولى الثانية الثالثة الرابعة الخامسة يرجى ملء إضافة تضاف يضاف في على من لا شيء معلق الإعداد الانتظار
""".split()  # noqa: SIM905 - read as text
_HOLLOW_WORDS = frozenset(word for entry in _HOLLOW for word in folded(entry).split())
# Of those, words that real tasks are made of too: alone they prove nothing ("Write the title and the description").
_INNOCENT = frozenset(
    folded(one)
    for one in """text value title name description details detail example sample content part item worker expert specialist
    deliverable objective goal job write describe add fill complete specify define assign and or the a an of for in out by with
    at on it is as you your this that next first second third some more other another what one two three four five who whom
    der die das ist des fur de la le el da por los les et y const beispiel titel schritt teil step paso etape describe
    description decrire descripcion
    descrizione descricao esempio exemple exemplo ejemplo
    اكتب على من لا في وصف مثال خطوة الخطوه""".split()  # noqa: SIM905 - read as text
)
_PIECES = (
    "待定 待补充 待確定 待确定 待填写 待续 稍后 之后 以后 补充 填写 确定 说明 描述 请 在此 此处 这里 任务 任務 子任务 步骤 步驟 占位符 "
    "占位 示例 例子 内容 文本 具体 详细 标题 专家 无 空 暂无 未知 未定 未決定 後で 後ほど 決める 決定 記入 追記 ここに ここ タスク サブ "
    "課題 作業 内容 説明 例 を に は の 手順 検討中 要確認 なし 第 一 二 三 四 五 六 七 八 九 十 个 了 的"
)
_HOLLOW_PIECES = re.compile("|".join(sorted(map(plain, _PIECES.split(" ")), key=len, reverse=True)))
_NUMBER = re.compile(r"[\divx]{1,4}|s\d{1,3}|[a-f]|no|nr")
_BRACKETED = re.compile(r"\s*(?:<[^<>]*>|\[[^\[\]]*\]|\{[^{}]*\}|[^\w<\[{]*)\s*")
_STANDS_IN = re.compile(r"\s*(?:tb[dac]\b|(?:todo|to do|fixme)\s*[:\-–—]|lorem ipsum\b|\{\{|<[a-z_ ]+>\s*$)")
_MOST_HOLLOW = 10  # words; a longer text of such words may well be a task
_FULL_TASK = 8  # words after "TBD:" that make a task of it in spite of it

_NAMELESS = frozenset(
    folded(one)
    for one in """specialist specialists expert experts agent agents worker workers assistant role name string someone anybody
    somebody anyone person team member any none null nil na tbd tba unknown undefined the a an some other another to be
    determined decided your of n placeholder tool bot user human helper main sub default
    spezialist spezialistin experte expertin fachmann fachfrau jemand unbekannt der die rolle
    spécialiste expert experte quelqu'un assistant agent inconnu le un
    especialista experto experta alguien asistente agente desconocido el
    专家 專家 助手 某人 角色 未知 待定 专业人士 工作者 代理 智能体 専門家 担当 担当者 エージェント アシスタント
    خبير الخبير مختص المختص متخصص وكيل مساعد شخص ما اسم دور""".split()  # noqa: SIM905 - read as text
)
_NAMELESS_WHOLE = frozenset(
    ("ai", "llm", "model", "ai model", "ai agent", "ai assistant", "planner agent", "orchestrator", "synthesiser")
)
_LETTER = re.compile(r"[^\W\d_]")


def is_placeholder(task: str, bare: str) -> bool:
    """Tell whether a text stands for a task instead of being one; `bare` is the text folded."""
    if not bare or _BRACKETED.fullmatch(task[:400]) is not None and len(task) <= 400:  # noqa: PLR2004, RUF021
        return True
    if len(bare) > 200:  # noqa: PLR2004
        return bare.startswith("lorem ipsum")
    words = bare.split()
    if unspaced(bare):
        rest = _HOLLOW_PIECES.sub("", bare)
        return not rest.strip() or bool(_NUMBER.fullmatch(rest.strip()))
    if _STANDS_IN.match(plain(task)) and len(words) <= _FULL_TASK:
        return True
    hollow = all(word in _HOLLOW_WORDS or _NUMBER.fullmatch(word) for word in words)
    return hollow and len(words) <= _MOST_HOLLOW and (len(words) == 1 or not _INNOCENT.issuperset(words))


def is_one_word(task: str, bare: str) -> bool:
    """Tell whether a task is one word: a title at best."""
    if len(bare) > 200:  # noqa: PLR2004
        return len(set(bare.split())) == 1 and not unspaced(bare)
    words = bare.split()
    if unspaced(bare):
        return length_in_words(bare) < 1.5  # noqa: PLR2004
    return len(task.split()) == 1 or len(set(words)) == 1


def is_nameless(name: str) -> bool:
    """Tell whether a name names no profession and no role."""
    bare = folded(name)
    if not _LETTER.search(bare) or bare in _NAMELESS_WHOLE:
        return True
    words = bare.split()
    return all(word in _NAMELESS or _NUMBER.fullmatch(word) for word in words)
