"""Ceiling: how much of a budget is put to use. `python -m bench.ceiling`.

Three scripted requests are run free, then under 1.5 times and under half of what the free run spent, against an
endpoint that counts tokens as OpenAI's do, cuts each reply where it is told to, and bills all of it.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from graph import build_graph
from nodes.budget import encoding_of
from nodes.errors import BudgetTooSmall
from tests.endpoint import Endpoint, Turn
from tests.minds import Team, disagreement, plan_of, role_of, synthesis_of
from tests.turn import Body

MODEL = "openai:gpt-4o"
ENCODING: Any = encoding_of(MODEL)
AROUND = 4  # tokens that a chat template puts around a message


@dataclass(frozen=True)
class Request:
    """A request with its scripted team: words a result and the answer have."""

    text: str
    tasks: tuple[tuple[str, str], ...]
    result: str
    result_words: int
    answer_words: int


PARTY = Request(
    "Plan a neighbourhood street party for about 80 people on a Saturday afternoon, with a budget of 900 pounds.",
    (
        ("caterer", "Write a menu with shopping quantities and prices for 80 guests, a quarter of them vegetarian."),
        (
            "permit adviser",
            "List the permissions that closing a residential street for an afternoon needs, with deadlines.",
        ),
        ("safety officer", "List the dangers of fire, traffic and noise in a closed road, each with its remedy."),
        ("entertainer", "Draw up an afternoon of games and music for children and old neighbours, with times."),
        ("publicist", "Draft the leaflet that invites the neighbours, and say when and where it is handed out."),
    ),
    "Allow 1.5 sausages a head, 120 in all at 0.65 each, which makes 78 pounds; open the road again at 19:00. ",
    300,
    600,
)
LIBRARY = Request(
    "Work out whether our town of 24,000 people needs a new library, and what it would take to build one.",
    (
        ("statistician", "Estimate how many people would use a library of 950 square metres, by age and weekday."),
        ("architect", "Compare rebuilding the hall with a new building: floor area, cost a square metre, time."),
        ("treasurer", "Set out running costs for staff, stock and heating over ten years with a sensible range."),
    ),
    "A building of 950 square metres at 3,100 euros each costs 2.95 million; heating takes 41,000 a year. ",
    420,
    700,
)
REPAIR = Request(
    "Bereite ein Reparatur-Café im Gemeindehaus vor: einmal im Monat, etwa 40 Gäste, 600 Euro für den Anfang.",
    (
        ("Elektriker", "Stelle die Werkzeuge und Prüfgeräte für vier Reparaturplätze zusammen, mit Preisen."),
        ("Jurist", "Erkläre Haftung, Versicherung und Einverständniserklärung für ehrenamtliche Reparaturen."),
        ("Organisatorin", "Entwirf den Ablauf eines Nachmittags mit Anmeldung, Wartezeiten und Küche."),
        ("Werber", "Schreibe eine Ankündigung für das Gemeindeblatt und einen Aushang."),
    ),
    "Ein Gerätetester kostet 180 Euro, die Haftpflicht des Vereins deckt Reparaturen bis 5.000 Euro je Fall. ",
    300,
    600,
)
REQUESTS = {"street party": PARTY, "library": LIBRARY, "repair café": REPAIR}


def tokens(text: str) -> int:
    """Count as the endpoint does."""
    return len(ENCODING.encode_ordinary(text))


class Billed:
    """A team whose every answer is cut at the cap it is given, and billed to the token."""

    def __init__(self, request: Request) -> None:
        """Write the team's lines."""
        result = request.result * (request.result_words // len(request.result.split()))
        answer = request.result * (request.answer_words // len(request.result.split()))
        first = disagreement("cost", ("S1", "dear", request.result.strip()), ("S2", "cheap", request.result.strip()))
        ids = " ".join(f"[S{number}]" for number in range(1, len(request.tasks) + 1))
        self.team = Team(
            planner=[plan_of(request.tasks)],
            workers={name: result for name, _ in request.tasks},
            synthesiser=[synthesis_of(f"{answer} [D1] {ids}", [first])],
        )

    def __call__(self, body: Body) -> Turn:
        """Answer one request."""
        said = self.team(body)
        turn = said if isinstance(said, Turn) else Turn(said)
        sent = sum(tokens(str(message["content"])) + AROUND for message in body["messages"])
        sent += tokens(str(body.get("response_format") or ""))
        cap = body.get("max_tokens") or body.get("max_completion_tokens")
        text = turn.text
        if cap is not None and tokens(text) > cap:
            text, turn = ENCODING.decode(ENCODING.encode_ordinary(text)[:cap]), replace(turn, finish_reason="length")
        used = {"prompt_tokens": sent, "completion_tokens": tokens(text), "total_tokens": sent + tokens(text)}
        return replace(turn, text=text, usage=used)


def run(request: Request, ceiling: int | None) -> dict[str, Any]:
    """Run one request against an endpoint of its own."""
    with Endpoint(Billed(request)) as endpoint:
        os.environ |= {"OPENAI_BASE_URL": endpoint.url, "OPENAI_API_KEY": "sk-bench", "ORCHESTRATOR_MODEL": MODEL}
        graph: Any = build_graph()
        state: dict[str, Any] = graph.invoke(
            {"request": request.text}, context={"budget_tokens": ceiling} if ceiling else {}
        )
        asked = [role_of(call.body) for call in endpoint.requests]
    assert ceiling is None or spent(state) <= ceiling, (spent(state), ceiling)
    return {**state, "asked": asked}


def spent(state: dict[str, Any]) -> int:
    """Add up a run's tokens."""
    return int(state["spend"]["input_tokens"] + state["spend"]["output_tokens"])


def _statuses(outcomes: Sequence[dict[str, Any]]) -> str:
    done = sum(outcome["status"] == "done" for outcome in outcomes)
    return f"{done} of {len(outcomes)} done"


def main() -> None:
    """Print the table."""
    print("| request | free | ceiling | spent | put to use | subtasks | complete |")
    print("|---|---|---|---|---|---|---|")
    whole, used = True, 1.0
    for name, request in REQUESTS.items():
        free = run(request, None)
        for factor in (1.5, 0.5):
            ceiling = int(spent(free) * factor)
            try:
                state = run(request, ceiling)
            except BudgetTooSmall as error:  # before anything was spent
                print(f"| {name} | {spent(free):,} | {ceiling:,} | refused: {error} | | | |")
                used = 0.0
                continue
            part = spent(state) / ceiling
            shown = f"{_statuses(state['outcomes'])}, {len(state['plan']['dropped'])} dropped"
            print(
                f"| {name} | {spent(free):,} | {ceiling:,} | {spent(state):,} | {part:.0%} | {shown} | {state['complete']} |"
            )
            if factor > 1:
                whole &= state["complete"] and len(state["outcomes"]) == len(request.tasks)
            else:
                used = min(used, part)
    print(
        f"\nunder 1.5 x: whole plan {'run' if whole else 'NOT run'}; under 0.5 x: at least {used:.0%} of the ceiling put to use"
    )


if __name__ == "__main__":
    main()
