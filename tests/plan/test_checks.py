"""Checks: what is wrong with a plan, told in any language, and what is left alone."""

import re
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evals.plans import judged
from nodes.plan import checks, dependencies, duplicates, placeholders, shares, task
from nodes.plan.checks import TASK_LIMIT, Finding, check
from nodes.specialists.registry import Roster, Specialist

Plan = tuple[str, list[tuple[str, str]]]
PLANS: dict[str, Plan] = {
    "en": (
        "Plan a street party for 80 people on 12 June with a budget of £500.",
        [
            ("caterer", "Plan the menu and drinks for 80 people for £250 with quantities."),
            ("logistics", "Find a suitable venue layout and list tables, chairs and power for 80 people."),
            ("entertainment", "Propose a programme of music and games for £100."),
            ("publicity", "Write a flyer and invite the neighbours."),
            ("safety officer", "List the risks and first-aid measures."),
        ],
    ),
    "de": (
        "Plane ein Straßenfest für 80 Personen am 12. Juni mit 500 Euro.",
        [
            ("Caterer", "Stelle ein Menü für 80 Personen mit Mengen zusammen."),
            ("Logistik", "Lege den Standort der Tische und den Ablaufplan fest."),
            ("Unterhaltung", "Entwirf ein Programm mit Musik und Spielen."),
            ("Werbung", "Schreibe einen Handzettel."),
            ("Sicherheit", "Liste die Gefahren auf."),
        ],
    ),
    "zh": (
        "请为80人策划一场6月12日的街区派对，预算5000元。",
        [
            ("餐饮专家", "为80人设计菜单，列出份量。"),
            ("物流专家", "选择场地并安排桌椅和电源。"),
            ("娱乐专家", "设计音乐和游戏节目。"),
            ("宣传专家", "撰写海报。"),
            ("安全专家", "列出风险和措施。"),
        ],
    ),
    "ar": (
        "خطط لحفل في الشارع لثمانين شخصا يوم 12 يونيو بميزانية 500 جنيه.",
        [
            ("متعهد الطعام", "ضع قائمة طعام لثمانين شخصا."),
            ("خبير اللوجستيات", "حدد الموقع وعدد الطاولات والكراسي."),
            ("منسق الترفيه", "اقترح برنامجا من الموسيقى."),
            ("مسؤول الدعاية", "اكتب منشورا."),
            ("مسؤول السلامة", "اذكر المخاطر."),
        ],
    ),
    "fr": (
        "Organise une fête de rue pour 80 personnes le 12 juin avec 500 euros.",
        [
            ("traiteur", "Compose un menu pour 80 personnes."),
            ("logistique", "Choisis un lieu et liste le matériel."),
            ("animateur", "Propose un programme de musique."),
            ("communication", "Rédige une affiche."),
            ("sécurité", "Liste les risques."),
        ],
    ),
    "es": (
        "Organiza una fiesta de barrio para 80 personas el 12 de junio con 500 euros.",
        [
            ("cocinero", "Diseña un menú para 80 personas."),
            ("logística", "Elige el lugar y haz la lista de mesas."),
            ("animador", "Propón un programa de música."),
            ("publicidad", "Escribe un cartel."),
            ("seguridad", "Enumera los riesgos."),
        ],
    ),
    "ja": (
        "6月12日に80人のストリートパーティーを予算5万円で企画してください。",
        [
            ("料理人", "80人分のメニューを考えてください。"),
            ("会場担当", "会場を選び、机と椅子を手配してください。"),
            ("催し担当", "音楽とゲームを提案してください。"),
            ("広報担当", "チラシを書いてください。"),
            ("安全担当", "危険を一覧にしてください。"),
        ],
    ),
}
# Language, whose task it is, and a task that surely needs what another worker finds.
DEPENDENT = [
    ("en", 3, "Incorporate the caterer's recommendations into the flyer."),
    ("en", 3, "Use the output of the caterer to compute costs."),
    ("en", 3, "Verify that the plans of all the other specialists fit the budget."),
    ("en", 3, "Ensure the total cost of all the other subtasks stays within £500."),
    ("en", 3, "Review the work of the other team members."),
    ("en", 3, "Based on the results of the other tasks, write a summary."),
    ("en", 3, "Use the results of subtask 1 to compute costs."),
    ("en", 3, "Turn subtask 2's findings into a table."),
    ("en", 3, "Turn the findings of S2 into a table."),
    ("en", 0, "Write the menu by the figures from the safety officer."),
    ("de", 3, "Nutze die Ergebnisse aus Teilaufgabe 1 für die Kosten."),
    ("de", 3, "Schreibe einen Handzettel aus den Zahlen des Caterers und den Ergebnissen der Logistik."),
    ("zh", 3, "根据任务1的结果估算成本。"),
    ("zh", 3, "检查其他任务的结果是否超出预算。"),
    ("zh", 3, "根据餐饮专家的数据估算成本。"),
    ("ar", 3, "استخدم نتائج المهمة الفرعية 1 لحساب التكلفة."),
    ("ar", 3, "راجع عمل الخبراء الآخرين."),
    ("fr", 3, "Synthétise les résultats des autres spécialistes."),
    ("fr", 3, "En te basant sur les résultats de la sous-tâche 1, calcule le coût."),
    ("es", 3, "Resume los resultados de los otros especialistas."),
    ("es", 3, "Con base en los resultados de la tarea 1, calcula el coste."),
    ("ja", 3, "他の専門家の結果をまとめてください。"),
    ("ja", 3, "タスク1の結果を使って費用を計算してください。"),
    ("ja", 3, "料理人の結果を使って費用を計算してください。"),
]
# The same words, and nobody's result.
STANDING = [
    ("en", 3, "Leave catering to the caterer; list furniture for 80 people."),
    ("en", 3, "List furniture for 80 people, without the menu, which is the caterer's."),
    ("en", 3, "Do not cover safety. Choose games for all ages."),
    ("en", 3, "Write a list of helpers and hand the list to the host."),
    ("en", 3, "Coordinate with the council about the road closure and list the forms."),
    ("en", 3, "Provide a table for the caterer to use and list its size."),
    ("en", 3, "Spend at most £50 from the £500 budget in the request."),
    ("en", 3, "Work based on 80 guests and list the toilets needed."),
    ("en", 3, "Once the party is over, the street must be clean by 22:00; plan the clearing."),
    ("en", 3, "After the guests have arrived, games start; propose five games with times."),
    ("en", 3, "Draft a programme and, based on it, list the equipment it needs."),
    ("en", 3, "Use plain language and write a note of 100 words."),
    ("en", 3, "Follow the council's rules on noise and list them."),
    ("en", 3, "List what to check when the caterer arrives, such as access and power."),
    ("en", 3, "Using the street as the stage, propose a play of ten minutes."),
    ("en", 3, "Describe what stewards do once the road is closed."),
    ("en", 3, "Assume that the caterer needs 3 kW and list the cables."),
    ("en", 3, "Say which questions the host should put to the caterer."),
    ("en", 3, "Make a checklist for the safety of bouncy castles according to safety rules."),
    ("en", 3, "Estimate the cost for 80 people and compare it with the £500 budget."),
    ("en", 3, "Review the usual risks of street parties and their measures."),
    ("en", 3, "Write step 1 to step 5 of putting up a gazebo."),
    ("en", 3, "Explain how first aid works when a guest faints after the meal."),
    ("en", 3, "List two suppliers for tables; the food is planned by the caterer, so leave it out."),
    ("en", 3, "Plan seating for 80 people independently of the programme; entertainment is handled elsewhere."),
    ("en", 3, "Summarise the findings of published surveys on street parties."),
    ("en", 3, "Design the layout so that the caterer has 6 metres."),
    ("en", 3, "Compile a contact list for all services and the other suppliers."),
    ("en", 3, "Plan activities for children based on their age."),
    ("en", 3, "Write the flyer using the facts: 12 June, 80 people, free entry."),
    ("en", 3, "Propose three dishes and give the recipe for each, from the starter to the pudding."),
    ("en", 3, "Write a briefing for volunteers about their tasks, the first task being set-up."),
    ("en", 3, "Give the host a plan B for rain, following the same schedule."),
    ("en", 3, "Plan music that suits all ages; the safety officer's stewards are not included."),
    ("en", 3, "Leave the results of the caterer out and list the costs of printing."),
    ("en", 3, "Do not use subtask 1's findings; write for readers who know nothing."),
    ("en", 3, "Write safety recommendations for the flyer's back."),
    ("en", 3, "Leave food to the other specialists and write the flyer."),
    ("en", 3, "Draw up the council's form for task 3 and store the results in S3 buckets."),
    ("de", 3, "Überlasse das Essen dem Caterer und liste Möbel auf."),
    ("de", 3, "Ohne das Menü, das der Caterer plant: liste Tische für 80 Personen auf."),
    ("de", 3, "Gehe von 80 Personen aus und liste Toiletten auf."),
    ("de", 3, "Übergib die Liste dem Gastgeber."),
    ("de", 3, "Nutze einfache Sprache und schreibe 100 Wörter."),
    ("de", 3, "Nach dem Fest muss die Straße sauber sein; plane die Reinigung."),
    ("de", 3, "Halte dich an die Regeln der Stadt für Lärm."),
    ("de", 3, "Plane einen Tisch für den Caterer ein, 3 UsageCounter lang."),
    ("de", 3, "Beschreibe die Sicherheit von Hüpfburgen nach geltenden Regeln."),
    ("de", 3, "Erstelle auf Grundlage von 80 Gästen eine Liste der Spiele."),
    ("zh", 3, "餐饮留给餐饮专家，列出80人的桌椅。"),
    ("zh", 3, "不要涉及安全问题，设计五个游戏。"),
    ("zh", 3, "根据80人的规模估算厕所数量。"),
    ("zh", 3, "使用简洁的语言写一份100字的通知。"),
    ("zh", 3, "为餐饮专家预留一张三米的桌子。"),
    ("zh", 3, "派对结束后清理街道，写出步骤。"),
    ("zh", 3, "根据当地规定列出噪音限制。"),
    ("zh", 3, "按照预算5000元列出费用。"),
    ("zh", 3, "假设餐饮专家需要三千瓦电力，列出电缆。"),
    ("ar", 3, "اترك الطعام لمتعهد الطعام واذكر الأثاث اللازم."),
    ("ar", 3, "لا تتناول السلامة، واقترح خمس ألعاب."),
    ("ar", 3, "بناء على ثمانين شخصا، احسب عدد المراحيض."),
    ("ar", 3, "سلم القائمة إلى صاحب الدعوة مع الأسعار."),
    ("ar", 3, "استخدم لغة بسيطة واكتب مئة كلمة."),
    ("ar", 3, "خصص طاولة لمتعهد الطعام طولها ثلاثة أمتار."),
    ("ar", 3, "بعد انتهاء الحفل يجب تنظيف الشارع، فضع خطة لذلك."),
    ("fr", 3, "Laisse le repas au traiteur et liste les meubles."),
    ("fr", 3, "Sans le menu, que prévoit le traiteur, liste les tables pour 80 personnes."),
    ("fr", 3, "Sur la base de 80 personnes, calcule les toilettes."),
    ("fr", 3, "Après la fête, la rue doit être propre : prévois le nettoyage."),
    ("fr", 3, "Remets la liste à l'hôte avec les prix."),
    ("fr", 3, "Prévois une table pour le traiteur, de trois mètres."),
    ("es", 3, "Deja la comida al cocinero y enumera los muebles."),
    ("es", 3, "No incluyas la seguridad; elige cinco juegos."),
    ("es", 3, "A partir de 80 personas, calcula los aseos."),
    ("es", 3, "Después de la fiesta hay que limpiar la calle: planifícalo."),
    ("es", 3, "Prevé una mesa de tres metros para el cocinero."),
    ("ja", 3, "料理は料理人に任せ、机の数を書いてください。"),
    ("ja", 3, "80人を前提にトイレの数を計算してください。"),
    ("ja", 3, "終了後の片付けの手順を書いてください。"),
    ("ja", 3, "料理人のために3メートルの机を用意し、配置を書いてください。"),
    ("ja", 3, "安全には触れず、ゲームを五つ提案してください。"),
]

REQUEST = "Plan a street party for 80 people on 12 June with a budget of £500."
MENU = "Plan the menu for 80 people with quantities, a shopping list and vegetarian dishes for £250."


def subtasks(*pairs: tuple[str, str]) -> list[dict[str, Any]]:
    return [{"specialist": specialist, "task": task} for specialist, task in pairs]


def kinds(plan: list[dict[str, Any]], *registered: str, request: str = REQUEST) -> list[tuple[int, str]]:
    roster = Roster.of(Specialist(name, name) for name in registered)
    return [(finding.position, finding.kind) for finding in check(plan, request, roster, improvise=not registered)]


def with_task(language: str, at: int, task: str) -> list[Finding]:
    request, pairs = PLANS[language]
    plan = subtasks(*pairs)
    plan[at]["task"] = task
    return [finding for finding in check(plan, request, Roster(), improvise=True) if finding.position == at]


@pytest.mark.parametrize(("language", "at", "task"), DEPENDENT)
def test_dependency(language: str, at: int, task: str) -> None:
    """A task that says that it needs another worker's result is found, whatever the language."""
    findings = with_task(language, at, task)

    assert "dependency" in [finding.kind for finding in findings]


@pytest.mark.parametrize(("language", "at", "task"), STANDING)
def test_no_dependency(language: str, at: int, task: str) -> None:
    """A task that leaves work to others, or goes by the request's facts, is left alone."""
    findings = with_task(language, at, task)

    assert [] == findings


@pytest.mark.parametrize(
    "task",
    [
        "TBD", "tbd.", "…", "...", "---", "???", "N/A", "task 1", "Task 1:", "Subtask 3", "S2", "string", "<task>", "[task]", "{task}", "TODO: fill in",
        "Task description goes here", "To be determined later", "insert task here", "the task", "Lorem ipsum dolor sit amet", "\u200b", "📌",
        "Aufgabe 2", "Wird später festgelegt", "Noch zu klären", "待定", "任务一", "（待补充）", "具体任务待定", "未定", "タスク3", "後で決定",
        "سيتم تحديده لاحقا", "المهمة 2", "مهمة", "à définir", "Tâche 4", "por definir", "Tarea 2",
    ],
)  # fmt: skip
def test_placeholder(task: str) -> None:
    """A placeholder is no task, in any language."""
    findings = kinds(subtasks(("caterer", MENU), ("logistics", task)))

    assert findings in ([(1, "placeholder")], [(1, "one_word")])


@pytest.mark.parametrize(
    "task",
    ["Catering", "Menü!", "菜单", "ケータリング", "السلامة", "Sécurité.", "Logistics logistics", "Safety Officer"],
)
def test_one_word(task: str) -> None:
    """A single word, or the specialist's own name, is a title and no task."""
    findings = kinds(subtasks(("caterer", MENU), ("safety officer", task)))

    assert findings in ([(1, "one_word")], [(1, "placeholder")])


@pytest.mark.parametrize("task", ["", "  ", "\n\t"])
def test_empty(task: str) -> None:
    """White space is an empty task."""
    findings = check(subtasks(("caterer", MENU), ("logistics", task)), REQUEST, Roster(), improvise=True)

    assert [(1, "empty", "empty task")] == [(finding.position, finding.kind, finding.reason) for finding in findings]


@pytest.mark.parametrize(
    "task",
    [
        MENU.upper(),
        MENU.replace(",", ";"),
        "Put together a menu with vegetarian dishes, quantities and a shopping list for the 80 people, at most £250.",
        "For 80 people and £250, plan a menu with vegetarian dishes, a shopping list and quantities.",
    ],
)
def test_duplicate(task: str) -> None:
    """The same work under another name is found once, at its second place."""
    findings = kinds(
        subtasks(("caterer", MENU), ("logistics", "List tables and chairs for 80 people."), ("chef", task))
    )

    assert [2] == [index for index, kind in findings if "duplicate" in kind]


@pytest.mark.parametrize("at", [0, 1])
def test_cross_check(at: int) -> None:
    """A second look that the plan says is meant is kept, whichever of the two says so."""
    plan = subtasks(("caterer", MENU), ("chef", MENU))
    plan[at]["cross_check"] = True

    assert [] == kinds(plan)


@pytest.mark.parametrize(
    "words",
    [
        "As an independent second check: ",
        "Double-check: ",
        "Zur unabhängigen Gegenprüfung: ",
        "作为独立复核：",
        "كتحقق مستقل: ",
        "Comme contre-vérification : ",
    ],
)
def test_cross_check_in_words(words: str) -> None:
    """A task whose own words say that it is a second look is kept."""
    assert [] == kinds(subtasks(("caterer", MENU), ("chef", words + MENU)))


def test_parallel() -> None:
    """One task for each of several things is no repetition."""
    cities = ("Berlin", "Vienna", "Zurich")
    tasks = [
        (f"{city} analyst", f"Describe rents, food and taxes for a family of four in {city}, in euros.")
        for city in cities
    ]

    assert [] == kinds(subtasks(*tasks), request="Compare the cost of living of a family in Berlin, Vienna and Zurich.")


@pytest.mark.parametrize(
    "task",
    [
        REQUEST,
        f"Do the following: {REQUEST}",
        "Organise everything for a street party of 80 people on 12 June with a budget of £500.",
        "Please take care of the whole street party for 80 people on 12 June.",
    ],
)
def test_whole_request(task: str) -> None:
    """A task that asks for everything again is found."""
    team = [
        ("caterer", "Plan the menu."),
        ("logistics", "List tables and chairs."),
        ("entertainment", "Choose music and games."),
        ("publicity", "Write a flyer."),
    ]
    findings = kinds(subtasks(*team, ("event planner", task)))

    assert (4, "whole_request") in findings


@pytest.mark.parametrize(
    "task",
    [
        "Plan the menu for the street party for 80 people on 12 June with a budget of £250.",
        "For the street party for 80 people on 12 June with a budget of £500, design the playlist.",
        "Street party for 80 people on 12 June, budget £500: list the risks.",
        "Estimate the toilets needed at a street party for 80 people on 12 June.",
    ],
)
def test_part_of_request(task: str) -> None:
    """A task that repeats every fact of the request and asks for one part is good."""
    assert [] == kinds(subtasks(("caterer", task), ("publicity", "Write the flyer and say where it hangs.")))


def test_names() -> None:
    """Without improvising, names must be registered (near misses are); with it, they must name somebody."""
    pairs = [("The Caterer", MENU), ("juggler", "Juggle with five burning torches for ten minutes.")]

    assert [(1, "unregistered")] == kinds(subtasks(*pairs), "caterer", "logistics", "safety")
    for name in ("", "???", "expert", "Specialist 3", "agent", "专家", "خبير", "x" * 81):
        assert [(1, "nameless")] == kinds(subtasks(("caterer", MENU), (name, "List tables and chairs for 80 people.")))


def test_overlong() -> None:
    """A task is a brief: what is longer than the limit is cut."""
    task = "List the risks of a street party. " * 200

    assert TASK_LIMIT < len(task)
    assert [(1, "overlong")] == kinds(subtasks(("caterer", MENU), ("safety", task)))


def test_alone() -> None:
    """A plan of one subtask may be the whole request: one expert answers it in one go."""
    assert [] == kinds(subtasks(("event planner", REQUEST)))


def test_closed_team() -> None:
    """A closed team neither accepts nor offers the specialists that come with us."""
    roster = Roster.of([Specialist("caterer", "food"), Specialist("estimator", "quantities", built_in=True)])
    plan = subtasks(("caterer", MENU), ("estimator", "Work out the tables and chairs for 80 people."))
    (finding,) = check(plan, REQUEST, roster, improvise=False)

    assert ("unregistered", 1) == (finding.kind, finding.position)
    assert finding.fault.endswith("is not a registered specialist; use one of: caterer.")


def test_figures() -> None:
    """On the tuning plans no sound subtask is touched, and each kind of fault but dependencies is nearly always found."""
    rows = list(judged("tuning"))
    missed = Counter(row.label for row in rows if row.label and not row.caught)
    faulty = Counter(row.label for row in rows if row.label)

    assert [] == [row for row in rows if row.label is None and row.kinds]
    assert {"dependency", "whole_request"} == set(missed)
    assert 0.7 <= 1 - missed["whole_request"] / faulty["whole_request"]
    assert 0.25 <= 1 - missed["dependency"] / faulty["dependency"]


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.tuples(st.text(max_size=30), st.text(max_size=200)), max_size=5), st.text(max_size=200), st.booleans()
)
def test_any_text(pairs: list[tuple[str, str]], request: str, improvise: bool) -> None:  # noqa: FBT001
    """No text whatever makes the checks raise, and every finding points at a subtask."""
    plan = subtasks(*pairs)
    findings = check(plan, request, Roster.of([Specialist("caterer", "food")]), improvise=improvise)

    assert all(0 <= finding.position < len(plan) for finding in findings)


HOSTILE = {
    "letters": "a ", "brackets": "[({<", "cue": "using the ", "named": "based on the caterer's ", "menu": "once the menu ", "marks": "\u0300\u0316",
    "chinese": "根据", "arabic": "بناء على ", "japanese": "メニューに", "commas": ",", "spaces": " ", "word": "x", "digits": "1", "quotes": "a'", "surrogate": "\ud800",
}  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile(text: str) -> None:
    """100 kB of hostile text take linear time, as a task, a name and a request."""
    whole = (text * 100_000)[:100_000]
    plan = subtasks(("caterer", MENU), ("cook", f"x {whole}"), (whole, "List the tables."))
    start = time.process_time()
    check(plan, whole, Roster(), improvise=True)

    assert 1.0 > time.process_time() - start


PLANS_OF_A_THOUSAND: dict[str, Callable[[int], str]] = {
    "words of their own": lambda at: " ".join(f"word{at * 17 + number * 31}" for number in range(60)),
    "one form": lambda at: f"Describe rents, food and taxes for a family of four in town {at}, with prices. " * 4,
    "few words": lambda at: " ".join(f"word{(at * 7 + number * number) % 70}" for number in range(60)),
    "others' results": lambda at: f"Sum up the results of expert {at + 1} and the figures of expert {at + 2}. " * 4,
}


@pytest.mark.parametrize("case", PLANS_OF_A_THOUSAND)
def test_speed(case: str) -> None:
    """A thousand subtasks of some sixty words are checked in linear time, half a second where nothing else runs."""
    write = PLANS_OF_A_THOUSAND[case]
    plan = subtasks(*((f"expert {at}", write(at)) for at in range(1000)))
    start = time.process_time()
    check(plan, REQUEST, Roster(), improvise=True)

    assert 1.5 > time.process_time() - start


SIGNS = " a1sS-_'\"<[{(,.:;!?%…的任务من\n"
PATTERNS = {
    f"{module.__name__.rpartition('.')[2]}.{name}": value
    for module in (checks, dependencies, duplicates, placeholders, shares, task)
    for name, value in vars(module).items()
    if isinstance(value, re.Pattern)
}


@pytest.mark.parametrize("name", PATTERNS)
def test_patterns_are_linear(name: str) -> None:
    """No pattern takes more than a moment for 16,000 equal signs, whichever they are."""
    start = time.process_time()
    for sign in SIGNS:
        for text in (sign * 16_000, f"x{sign * 16_000}x"):
            PATTERNS[name].search(text)
            PATTERNS[name].fullmatch(text)

    assert 2.0 > time.process_time() - start
