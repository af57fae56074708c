"""Transcripts: three requests from the plan to the answer, written by running the graph with a scripted mind.

    python -m evals.transcripts      writes docs/examples/*.md

The graph, its checks and what code adds are real; what planner, specialists and synthesiser say is scripted by hand.
"""

import json
import sys
from pathlib import Path
from typing import Any

from evals.requests import Request, played, requests

FOLDER = Path(__file__).parent.parent / "docs" / "examples"
SHOWN = ("monolith", "repair-cafe", "class-trip")


def transcript(request: Request, state: dict[str, Any]) -> str:
    """Write one run: request, plan with frame, results, ledger, answer."""
    rounds = sorted({outcome["round"] for outcome in state["outcomes"]})
    parts = [
        f"# {request.name}",
        (
            "Written by `python -m evals.transcripts`: the graph is the real one, its models are a script written by hand "
            f"(evals/requests/{request.name}.yaml)."
        ),
        f"## Request\n\n{request.text}",
        f"## Frame\n\n```json\n{json.dumps(state['plan'].get('frame') or request.frame, ensure_ascii=False, indent=2)}\n```",
    ]
    for number in rounds:
        planned = [outcome for outcome in state["outcomes"] if outcome["round"] == number]
        lines = [f"- **{outcome['id']} {outcome['specialist']}**: {outcome['task']}" for outcome in planned]
        parts.append(f"## Plan, round {number}\n\n" + "\n".join(lines))
    parts += [
        f"## Result {outcome['id']}, {outcome['specialist']}\n\n{_deeper(outcome['output'])}"
        for outcome in state["outcomes"]
    ]
    ledger = {"disagreements": state["disagreements"], "gaps": state["gaps"]}
    parts.append(f"## Ledger\n\n```json\n{json.dumps(ledger, ensure_ascii=False, indent=2)}\n```")
    parts.append(f"## Answer\n\n{_deeper(state['answer'])}")
    return "\n\n".join(parts) + "\n"


def _deeper(text: str) -> str:
    """Set a text's headings below the transcript's own."""
    return "\n".join(f"##{line}" if line.startswith("#") else line for line in text.splitlines())


def main() -> int:
    """Write the three."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for request in requests():
        if request.name in SHOWN:
            (FOLDER / f"{request.name}.md").write_text(
                transcript(request, dict(played(request).state)), encoding="utf-8"
            )
    print(f"{len(SHOWN)} transcripts in docs/examples/")
    return 0


if __name__ == "__main__":
    sys.exit(main())
