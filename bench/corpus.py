"""Corpus: plans written in every way we have seen or can think of, each with what a reader must make of it."""

import html
import itertools
import json
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

Plan = tuple[tuple[str, str], ...]
Group = Literal[
    "shape", "key", "wrapper", "around", "reasoning", "mistake", "revision", "not JSON", "combined", "cut", "no plan"
]

PLANS: tuple[Plan, ...] = (
    (("caterer", "Plan a vegan menu for 40 guests, with quantities."), ("venue scout", "Find 3 venues in Lyon; list prices.")),
    (("historian", 'Explain the term "Blitz" as used in 1940.'), ("map maker", "Draw {north, south} as [x, y] pairs."), ("editor", "Check names: Ann, Bob.")),
    (("web_developer", "Read https://example.org/a?b=1&c=[2]#top and list its links."), ("security-auditor", "Test the regex \\d+\\.\\w{2,} on C:\\Users.")),
    (("预算分析师", "列出婚礼的费用，总额不超过5000欧元。"), ("花艺师", "设计花束：玫瑰、百合。")),
    (("مخطط السفر", "ضع خطة لثلاثة أيام في مراكش."), ("טבח", "תכנן תפריט ל-12 אורחים.")),
    (("party planner 🎉", "Choose 🎈 and 🎂 for 20 children; cost < 100 € & no nuts."), ("musician", "Write a song — 3 verses, it's for Zoë's birthday.")),
    (("python coder", "Write a function:\n```python\ndef f(x):\n    return {x: [1]}\n```\nand test it."), ("reviewer", 'Review it.\nThen say "done".')),
    (("lawyer", "Set out what the tenant's notice must say: dates, sums, § 573."), ("translator", "Translate 'Kündigung' and \"Frist\" into French."), ("accountant", "Work out 3 x 950 = ?"), ("mediator", "Suggest 2 compromises (with reasons).")),
    (("Data Engineer", 'Describe a table with columns a|b|c and a JSON row {"a": 1}.'), ("Statistician", "Estimate the error; state 95% bounds.")),
    (("gardener", "List 5 shade plants, e.g. hosta, fern; give heights in cm."), ("irrigation expert", "Design a drip system for 30 m², 2 bar."), ("soil scientist", "Say how to test pH; what to add if pH < 6."), ("carpenter", "Plan a 2 m x 1 m raised bed."), ("beekeeper", "Advise on bees.")),
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One reply: what it is, what it must give (None: BadReply), and whether the endpoint called it cut."""

    kind: str
    group: Group
    text: str
    plan: Plan | None
    truncated: bool = False


Writer = Callable[[Plan], "str | tuple[str, Plan | None]"]


def items(plan: Plan, who: str = "specialist", what: str = "task", **more: Any) -> list[dict[str, Any]]:
    """Write a plan as a list of objects."""
    return [{who: name, what: work, **more} for name, work in plan]


def dumps(value: Any, **options: Any) -> str:
    """Write strict JSON without ASCII escapes."""
    return json.dumps(value, **{"ensure_ascii": False, **options})


def flat(plan: Plan) -> Plan:
    """Put each task in one line without what Markdown or tables would read as theirs."""
    return tuple((name, re.sub(r"\s+", " ", work.replace("```", "").replace("|", "/"))) for name, work in plan)


def near(
    value: Any,
    *,
    quote: str = '""',
    key: str = '""',
    comma: str = ", ",
    trail: str = "",
    colon: str = ": ",
    true: str = "true",
) -> str:
    """Write near-JSON: other quotes, bare keys, trailing commas, other separators."""
    options: dict[str, Any] = {"quote": quote, "key": key, "comma": comma, "trail": trail, "colon": colon, "true": true}
    if isinstance(value, dict):
        inner = comma.join(f"{key[:1]}{name}{key[1:]}{colon}{near(part, **options)}" for name, part in value.items())
        return "{" + inner + trail + "}"
    if isinstance(value, list):
        return "[" + comma.join(near(part, **options) for part in value) + trail + "]"
    if isinstance(value, bool):
        return true if value else true.replace("true", "false").replace("True", "False")
    body = json.dumps(value, ensure_ascii=False)[1:-1]
    if quote != '""':
        body = body.replace('\\"', '"').replace("'", "\\'") if quote == "''" else body.replace('\\"', '"')
    return quote[:1] + body + quote[1:]


def fenced(text: str, language: str = "json", mark: str = "```") -> str:
    """Put a text in a code fence."""
    return f"{mark}{language}\n{text}\n{mark}"


def _shapes() -> Iterator[tuple[str, Writer]]:
    yield "bare list", lambda p: dumps(items(p))
    yield "subtasks", lambda p: dumps({"subtasks": items(p)})
    yield "indented", lambda p: dumps({"subtasks": items(p)}, indent=2)
    yield "tabs", lambda p: dumps({"subtasks": items(p)}, indent="\t")
    yield "ascii escapes", lambda p: json.dumps({"subtasks": items(p)})
    yield "compact", lambda p: dumps({"subtasks": items(p)}, separators=(",", ":"))
    yield "plan of subtasks", lambda p: dumps({"plan": {"subtasks": items(p)}})
    yield "plan list", lambda p: dumps({"plan": items(p)})
    yield "thrice nested", lambda p: dumps({"response": {"result": {"plan": {"subtasks": items(p)}}}})
    yield "JSON string", lambda p: dumps(dumps({"subtasks": items(p)}))
    yield "string in plan", lambda p: dumps({"plan": dumps({"subtasks": items(p)})})
    yield "string in subtasks", lambda p: dumps({"subtasks": dumps(items(p), indent=1)})
    yield "string twice", lambda p: dumps({"plan": dumps({"subtasks": dumps(items(p))})})
    yield "strings in list", lambda p: dumps({"subtasks": [dumps(item) for item in items(p)]})
    yield "objects in lines", lambda p: "\n".join(map(dumps, items(p)))
    yield "objects run together", lambda p: "".join(map(dumps, items(p)))
    yield "objects with commas", lambda p: ",\n".join(map(dumps, items(p)))
    yield "objects numbered", lambda p: "\n".join(f"{n}. {dumps(item)}" for n, item in enumerate(items(p), 1))
    yield "objects bulleted", lambda p: "\n".join(f"- {dumps(item)}" for item in items(p))
    yield "block each", lambda p: "\n\n".join(fenced(dumps(item, indent=2)) for item in items(p))
    yield (
        "block each, headed",
        lambda p: "\n\n".join(f"### Subtask {n}\n{fenced(dumps(item))}" for n, item in enumerate(items(p), 1)),
    )
    yield (
        "block each, prose",
        lambda p: "\n\n".join(f"Next, for the {item['specialist']}:\n\n{fenced(dumps(item))}" for item in items(p)),
    )
    yield "mapping", lambda p: dumps(dict(p))
    yield "mapping in subtasks", lambda p: dumps({"subtasks": dict(p)})
    yield "mapping of objects", lambda p: dumps({name: {"task": work} for name, work in p})
    yield "mapping of lists", lambda p: dumps({"plan": {name: [work] for name, work in p}})
    yield "list of mappings", lambda p: dumps([{name: work} for name, work in p])
    yield "columns", lambda p: dumps({"specialists": [pair[0] for pair in p], "tasks": [pair[1] for pair in p]})
    yield (
        "columns in plan",
        lambda p: dumps({"plan": {"roles": [pair[0] for pair in p], "descriptions": [pair[1] for pair in p]}}),
    )
    yield "pairs", lambda p: dumps([list(pair) for pair in p])
    yield "pairs in subtasks", lambda p: dumps({"subtasks": [list(pair) for pair in p]})
    yield "rows under a header", lambda p: dumps([["specialist", "task"], *map(list, p)])
    yield "items wrapped", lambda p: dumps({"subtasks": [{"subtask": item} for item in items(p)]})
    yield "items numbered", lambda p: dumps({f"subtask_{n}": item for n, item in enumerate(items(p), 1)})
    yield "items numbered only", lambda p: dumps({"plan": {str(n): item for n, item in enumerate(items(p), 1)}})
    yield "phases", lambda p: dumps({"phases": [{"phase": n, "tasks": [item]} for n, item in enumerate(items(p), 1)]})
    yield "repeated key", lambda p: "{" + ", ".join(f'"subtask": {dumps(item)}' for item in items(p)) + "}"
    yield "tool call", lambda p: dumps({"name": "submit_plan", "arguments": {"subtasks": items(p)}})
    yield (
        "tool call, string",
        lambda p: dumps({"type": "function", "function": {"name": "plan", "arguments": dumps({"subtasks": items(p)})}}),
    )
    yield "specialist object", lambda p: dumps([{"specialist": {"name": name}, "task": work} for name, work in p])
    yield "task first", lambda p: dumps([{"task": work, "specialist": name} for name, work in p])
    yield (
        "extra keys",
        lambda p: dumps(
            {
                "goal": "A good plan",
                "subtasks": [
                    {"id": n, "priority": "high", **item, "depends_on": []} for n, item in enumerate(items(p), 1)
                ],
                "notes": "none",
            }
        ),
    )
    yield (
        "rationale first",
        lambda p: dumps({"reasoning": "Two kinds of work.", "subtasks": items(p, rationale="needed")}),
    )
    yield "cross_check", lambda p: dumps({"subtasks": items(p, cross_check=False)})


def _keys() -> Iterator[tuple[str, Writer]]:
    names = [
        ("role", "description"), ("agent", "instructions"), ("worker", "goal"), ("expert", "todo"), ("assignee", "objective"),
        ("type", "description"), ("name", "task"), ("Specialist", "Task"), ("SPECIALIST", "TASK"), ("specialist_name", "task_description"),
        ("specialistName", "taskDescription"), ("specialist-type", "task-details"), ("assigned_to", "subtask"), ("expertRole", "details"),
        ("agent_name", "prompt"), ("assignedTo", "action"), ("agent", "query"), ("worker_type", "work"), ("persona", "assignment"),
        ("rolle", "aufgabe"), ("专家", "任务"), ("spécialiste", "tâche"), ("specialista", "descrizione"), ("специалист", "задача"),
        ("owner", "deliverable"), ("expertise", "instruction"), ("title", "description"), ("specalist", "task"), ("Specialist Type", "Task Description"),
    ]  # fmt: skip
    for who, what in names:
        yield f"{who} and {what}", lambda p, who=who, what=what: dumps({"subtasks": items(p, who, what)})
    yield "unknown task key", lambda p: dumps([{"specialist": name, "Arbeitsauftrag": work} for name, work in p])


def _wrappers() -> Iterator[tuple[str, Writer]]:
    for word in (
        "tasks",
        "steps",
        "assignments",
        "workers",
        "items",
        "Subtasks",
        "sub_tasks",
        "subTasks",
        "sub-tasks",
        "actions",
        "delegations",
        "result",
        "data",
        "team",
        "Teilaufgaben",
        "任务列表",
        "blocks_of_work",
    ):
        yield f"in {word}", lambda p, word=word: dumps({word: items(p)})


def _around() -> Iterator[tuple[str, Writer]]:
    def body(p: Plan) -> str:
        return dumps({"subtasks": items(p)}, indent=2)

    for language in ("json", "", "JSON", "json5", "jsonc", "python", "text", "javascript"):
        yield f"fence {language or 'bare'}", lambda p, language=language: fenced(body(p), language)
    yield "tilde fence", lambda p: fenced(body(p), "json", "~~~")
    yield "long fence", lambda p: fenced(body(p), "json", "````")
    yield "open fence", lambda p: "```json\n" + body(p)
    yield (
        "fence in prose",
        lambda p: f"Sure! Here's the plan:\n\n{fenced(body(p))}\n\nLet me know if you'd like changes.",
    )
    yield "inline code", lambda p: f"Plan: `{dumps(items(p))}`"
    yield "prose before", lambda p: f"Here is the plan you asked for:\n{body(p)}"
    yield "prose after", lambda p: f"{body(p)}\n\nEach specialist works on their own."
    yield (
        "brackets in prose",
        lambda p: f"I split this [as you asked] into {len(p)} parts {{see below}}:\n{body(p)}\n[end of plan]",
    )
    yield (
        "lone brackets in prose",
        lambda p: f"A list starts with [ and an object with {{ as you know.\n{body(p)}\nThat's it :-]",
    )
    yield "set notation in prose", lambda p: f"Let S = {{a, b}} and x[0] the first.\n{body(p)}"
    yield "footnotes after", lambda p: f"{body(p)}\n\n[1] Source: [note]\n[2] {{draft}}"
    yield "markdown link", lambda p: f"See [docs](https://example.org).\n{body(p)}"
    yield "BOM", lambda p: "\ufeff" + body(p)
    yield "CRLF", lambda p: body(p).replace("\n", "\r\n")
    yield "non-breaking spaces", lambda p: dumps({"subtasks": items(p)}, separators=(",\u00a0", ":\u00a0"))
    yield "XML wrapper", lambda p: f"<plan>\n{body(p)}\n</plan>"
    yield "answer tags", lambda p: f"<answer>{body(p)}</answer>"
    yield (
        "tool_call tags",
        lambda p: f"<tool_call>\n{dumps({'name': 'plan', 'arguments': {'subtasks': items(p)}})}\n</tool_call>",
    )
    yield "label", lambda p: f"json\n{body(p)}"
    yield "assignment", lambda p: f"subtasks = {dumps(items(p))}"
    yield "end token", lambda p: body(p) + "<|im_end|>"
    yield "heeded format", lambda p: f"Following your example, here is the plan in the requested format:\n{body(p)}"


def _reasoning() -> Iterator[tuple[str, Writer]]:
    draft = dumps(
        [{"specialist": "draft maker", "task": "A draft only."}, {"specialist": "other", "task": "Not this one."}]
    )

    def body(p: Plan) -> str:
        return dumps({"subtasks": items(p)})

    for tag in ("think", "thinking", "reasoning", "thought", "scratchpad", "Think"):
        yield f"{tag} block", lambda p, tag=tag: f"<{tag}>\nMaybe {draft}? No.\n</{tag}>\n\n{body(p)}"
    yield "no opening tag", lambda p: f"Maybe {draft}?\n</think>\n{body(p)}"
    yield "half a draft, no opening tag", lambda p: f"Maybe {draft[:50]}\n</think>\n{body(p)}"
    yield "half a draft in think", lambda p: f"<think>Maybe {draft[:50]}</think>{body(p)}"
    yield "two think blocks", lambda p: f"<think>a</think>Hm.<think>{draft}</think>{body(p)}"
    yield "empty think", lambda p: f"<think>\n\n</think>\n\n{body(p)}"
    yield "[THINK]", lambda p: f"[THINK]{draft}[/THINK]{body(p)}"
    yield (
        "harmony",
        lambda p: f"<|channel|>analysis<|message|>{draft}<|end|><|start|>assistant<|channel|>final<|message|>{body(p)}",
    )
    yield (
        "tag in a task",
        lambda p: (
            dumps(items((*p, ("parser", "Explain the <think> tag.")))),
            (*p, ("parser", "Explain the <think> tag.")),
        ),
    )
    yield "think then fence", lambda p: f"<think>{draft}</think>\nHere you are:\n{fenced(body(p))}"


def _mistakes() -> Iterator[tuple[str, Writer]]:
    def plan_of(p: Plan) -> dict[str, Any]:
        return {"subtasks": items(p)}

    yield "trailing commas", lambda p: near(plan_of(p), trail=",")
    yield "trailing commas in lines", lambda p: near(plan_of(p), trail=",\n", comma=",\n")
    yield "doubled commas", lambda p: near(plan_of(p), comma=",, ")
    yield "Python literals", lambda p: repr({"subtasks": items(p, cross_check=False, id=None)})
    yield "Python list", lambda p: repr(items(p))
    yield "Python pairs", lambda p: repr(list(p))
    yield "single quotes", lambda p: near(plan_of(p), quote="''", key="''")
    yield "smart quotes", lambda p: near(plan_of(p), quote="“”", key="“”")
    yield "smart single quotes", lambda p: near(plan_of(p), quote="‘’", key="‘’")
    yield "unquoted keys", lambda p: near(plan_of(p), key="")
    yield "unquoted keys, single quotes", lambda p: near(plan_of(p), key="", quote="''")
    yield "bare keys, trailing", lambda p: near(plan_of(p), key="", trail=",")
    yield "True unquoted", lambda p: near({"subtasks": items(p, cross_check=True)}, true="True")
    yield "line comments", lambda p: re.sub(r"(\{|\[)\n", r"\1 // here\n", dumps(plan_of(p), indent=2), count=2)
    yield "hash comments", lambda p: "{\n# the plan\n" + dumps(plan_of(p), indent=2)[1:]
    yield "block comments", lambda p: dumps(plan_of(p), indent=2).replace("{\n", "{ /* one */\n", 1)
    yield (
        "comment after item",
        lambda p: "[\n" + "\n".join(f"{dumps(x)}, // {n}" for n, x in enumerate(items(p))) + "\n]",
    )
    yield "raw newlines", lambda p: dumps(plan_of(p)).replace("\\n", "\n")
    yield "raw tabs", lambda p: _with(p, "\t", lambda q: dumps({"subtasks": items(q)}).replace("\\t", "\t"))
    yield "missing last bracket", lambda p: dumps(plan_of(p))[:-1]
    yield "missing last brackets", lambda p: dumps(plan_of(p))[:-2]
    yield "list without its bracket", lambda p: dumps(items(p))[:-1]
    yield "missing bracket, then prose", lambda p: dumps(plan_of(p))[:-1] + "\n\nThat is the plan."
    yield "missing bracket in a fence", lambda p: fenced(dumps(plan_of(p), indent=2)[:-1].rstrip())
    yield "list not closed", lambda p: dumps(plan_of(p))[:-2] + "}"
    yield "extra bracket", lambda p: dumps(plan_of(p)) + "}"
    yield "missing commas between items", lambda p: "[" + "\n".join(map(dumps, items(p))) + "]"
    yield "missing commas between keys", lambda p: near(plan_of(p), comma="\n")
    yield "HTML entities", lambda p: html.escape(dumps(plan_of(p)))
    yield "escaped throughout", lambda p: dumps(dumps(plan_of(p)))[1:-1]
    yield "fullwidth punctuation", lambda p: near(plan_of(p), comma="，", colon="：")
    yield "equals signs", lambda p: near(plan_of(p), key="", colon=" = ")
    yield "unescaped quotes", lambda p: near(plan_of(p), quote='""').replace('\\"', '"')
    yield "unescaped backslashes", lambda p: dumps(plan_of(p)).replace("\\\\", "\\")


def _with(plan: Plan, mark: str, write: Callable[[Plan], str]) -> tuple[str, Plan]:
    plan = tuple((name, work.replace(" ", mark, 1)) for name, work in plan)
    return write(plan), plan


def _revisions() -> Iterator[tuple[str, Writer]]:
    draft: Plan = (
        ("drafter", "Write a first version."),
        ("checker", "Check the first version."),
        ("third one", "Do more."),
    )

    def a(p: Plan) -> str:
        return dumps({"subtasks": items(p)}, indent=2)

    yield "draft, final", lambda p: f"Draft:\n{a(draft)}\n\nFinal plan:\n{a(p)}"
    yield (
        "draft and final in fences",
        lambda p: f"First try:\n{fenced(a(draft))}\nOn reflection, this is better:\n{fenced(a(p))}",
    )
    yield "draft broken, final whole", lambda p: f"Draft:\n{a(draft)[:70]}\n\nLet me start over.\n\n{fenced(a(p))}"
    yield "draft list, final object", lambda p: f"{dumps(items(draft))}\n\nRevised:\n\n{a(p)}"
    yield (
        "draft whole, final repaired",
        lambda p: f"{a(draft)}\n\nRevised:\n\n{near({'subtasks': items(p)}, trail=',')}",
    )
    yield (
        "objects, then objects",
        lambda p: "\n".join(map(dumps, items(draft))) + "\n\nFinal:\n" + "\n".join(map(dumps, items(p))),
    )
    yield "draft and final keys", lambda p: dumps({"draft": items(draft), "final_plan": items(p)})
    yield (
        "schema, then plan",
        lambda p: f'{{"type": "object", "properties": {{"subtasks": {{"type": "array"}}}}}}\n{a(p)}',
    )
    yield (
        "template, then plan",
        lambda p: f'Format: {{"subtasks": [{{"specialist": "<name>", "task": "<task>"}}]}}\n\nPlan:\n{a(p)}',
    )
    yield "example, then plan", lambda p: f"For example: {a(draft)}\n\nThe plan:\n{a(p)}"
    yield (
        "plan, then example",
        lambda p: f'{a(p)}\n\nFor example, another could be {{"specialist": "x", "task": "Do something else."}}.',
    )


def _other() -> Iterator[tuple[str, Writer]]:
    def of(write: Callable[[Plan], str]) -> Writer:
        return lambda p: (write(flat(p)), flat(p))

    def rows(form: str, join: str = "\n", lead: str = "") -> Writer:
        return of(
            lambda p: lead + join.join(form.format(n=n, who=who, what=what) for n, (who, what) in enumerate(p, 1))
        )

    yield "bullets", rows("- {who}: {what}", lead="Here is the plan:\n\n")
    yield "bold bullets", rows("- **{who}**: {what}", lead="Here is the plan:\n\n")
    yield "bold bullets, colon inside", rows("* **{who}:** {what}", lead="## Plan\n\n")
    yield "numbered", rows("{n}. {who}: {what}", lead="Subtasks:\n")
    yield "numbered bold dash", rows("{n}. **{who}** – {what}", lead="Plan:\n")
    yield "numbered, code names", rows("{n}) `{who}`: {what}", lead="The subtasks:\n")
    yield "bracketed names", rows("{n}. [{who}] {what}", lead="Assignments:\n")
    yield "list only", rows("- {who}: {what}")
    yield (
        "list, then prose",
        lambda p: (
            rows("- **{who}**: {what}", lead="I propose these subtasks:\n")(p)[0] + "\n\nThey can run at once.",
            flat(p),
        ),
    )  # type: ignore[misc]
    yield "name over task", rows("{n}. **{who}**\n   {what}", lead="The plan:\n\n")
    yield "labelled lines", rows("Specialist: {who}\nTask: {what}\n")
    yield "labelled bold", rows("**Specialist:** {who}\n**Task:** {what}\n")
    yield "labelled bullets", rows("- Specialist: {who}\n  Task: {what}")
    yield "labelled, headed", rows("### Subtask {n}\n- **Specialist**: {who}\n- **Task**: {what}\n", lead="# Plan\n\n")
    yield "labelled, numbered", rows("{n}. **Specialist:** {who}\n   **Task:** {what}")
    yield "labelled in one line", rows("- Specialist: {who} | Task: {what}")
    yield (
        "labelled, others",
        rows("**Agent**: {who}\n**Instructions**: {what}\n**Rationale**: needed\n", lead="My plan:\n\n"),
    )
    yield (
        "XML",
        _xml(
            "<subtask>\n  <specialist>{who}</specialist>\n  <task>{what}</task>\n</subtask>",
            "<subtasks>\n{all}\n</subtasks>",
        ),
    )
    yield (
        "XML type and description",
        _xml("<task>\n<type>{who}</type>\n<description>{what}</description>\n</task>", "{all}"),
    )
    yield (
        "XML with analysis",
        _xml(
            "<task><type>{who}</type><description>{what}</description></task>",
            "<analysis>\nTwo ways.\n</analysis>\n\n<tasks>{all}</tasks>",
        ),
    )
    yield "XML attributes", _xml('<subtask specialist="{who}">{what}</subtask>', "<plan>{all}</plan>")
    yield "XML both attributes", _xml('<task id="1" specialist="{who}" description="{what}"/>', "<plan>{all}</plan>")
    yield (
        "XML in a fence",
        _xml("<item><role>{who}</role><goal>{what}</goal></item>", "```xml\n<items>{all}</items>\n```"),
    )
    yield (
        "XML CDATA",
        lambda p: "".join(f"<subtask><specialist>{w}</specialist><task><![CDATA[{t}]]></task></subtask>" for w, t in p),
    )
    yield "table", rows("| {who} | {what} |", lead="| Specialist | Task |\n|---|---|\n")
    yield (
        "table, numbered",
        rows("| {n} | **{who}** | {what} |", lead="Plan:\n\n| # | Role | Description |\n|:-:|:---|:---|\n"),
    )
    yield "table without outer bars", rows("{who} | {what}", lead="Specialist | Task\n--- | ---\n")
    yield (
        "YAML",
        of(lambda p: "subtasks:\n" + "\n".join(f"  - specialist: {_scalar(w)}\n    task: {_scalar(t)}" for w, t in p)),
    )
    yield "YAML list", of(lambda p: "\n".join(f"- specialist: {_scalar(w)}\n  task: {_scalar(t)}" for w, t in p))
    yield (
        "YAML in a fence",
        of(
            lambda p: fenced(
                "plan:\n  subtasks:\n"
                + "\n".join(f"  - role: {_scalar(w)}\n    description: {_scalar(t)}" for w, t in p),
                "yaml",
            )
        ),
    )
    yield (
        "YAML folded",
        of(
            lambda p: (
                "Here it is:\n\n```yaml\nsubtasks:\n"
                + "\n".join(f"- specialist: {_scalar(w)}\n  task: >-\n    {t}" for w, t in p)
                + "\n```"
            )
        ),
    )
    yield "YAML mapping", of(lambda p: "subtasks:\n" + "\n".join(f"  {_scalar(w)}: {_scalar(t)}" for w, t in p))


def _scalar(text: str) -> str:
    return dumps(text)


def _xml(form: str, whole: str) -> Writer:
    return lambda p: whole.format(
        all="\n".join(form.format(who=html.escape(who), what=html.escape(what)) for who, what in p)
    )


def _combined() -> Iterator[tuple[str, Writer]]:
    draft = dumps([{"specialist": "draft maker", "task": "A draft only."}])
    around: dict[str, Callable[[str], str]] = {
        "fence": fenced,
        "think": lambda t: f"<think>{draft}</think>\n{t}",
        "prose": lambda t: f"Okay [done]. The plan:\n\n{t}\n\nHope this helps {{smile}}!",
        "think and fence": lambda t: f"<think>\nLet me see {{…}}.\n</think>\nSure:\n{fenced(t)}\nDone.",
    }
    wrong: dict[str, dict[str, Any]] = {
        "trailing": {"trail": ","}, "single": {"quote": "''", "key": "''", "trail": ","}, "bare keys": {"key": "", "trail": ",\n"},
        "smart": {"quote": "“”", "key": "“”"}, "Python": {"quote": "''", "key": "''", "true": "True"},
    }  # fmt: skip
    shapes: dict[str, Callable[[Plan], Any]] = {
        "renamed": lambda p: {"Plan": {"Steps": items(p, "Assigned To", "Instructions", verify=True)}},
        "list": lambda p: items(p, "agentName", "objective", id=1),
        "columns": lambda p: {"agents": [pair[0] for pair in p], "tasks": [pair[1] for pair in p]},
    }
    for (a, wrap), (w, options), (s, shape) in itertools.product(around.items(), wrong.items(), shapes.items()):
        if s == "renamed" and not options.get("key", "x"):
            continue  # a bare key with a space in it is no mistake a model makes
        yield f"{s}, {w}, {a}", lambda p, wrap=wrap, options=options, shape=shape: wrap(near(shape(p), **options))


def _no_plans() -> Iterator[tuple[str, Writer]]:
    texts = {
        "refusal": "I'm sorry, but I can't help with that.",
        "refusal with list": "I can't plan this yet. I need more details:\n- Budget: how much can you spend?\n- Guests: how many will come?",
        "refusal with bold list": "Unfortunately I cannot do this:\n\n- **Scope**: too vague\n- **Budget**: not given",
        "refusal as JSON": '{"error": "I cannot help with that request."}',
        "refusal as JSON, two keys": '{"status": "refused", "reason": "This request is unsafe."}',
        "empty plan": '{"subtasks": []}',
        "empty list": "[]",
        "empty object": "{}",
        "schema": '{"type": "object", "properties": {"subtasks": {"type": "array", "items": {"type": "object", "properties": {"specialist": {"type": "string", "description": "Who does it"}, "task": {"type": "string", "description": "What to do"}}}}}}',
        "template": '{"subtasks": [{"specialist": "<specialist name>", "task": "<what to do>"}]}',
        "template in braces": '{"subtasks": [{"specialist": "{name}", "task": "{task}"}]}',
        "dots": '{"subtasks": [{"specialist": "...", "task": "..."}]}',
        "types": '{"subtasks": [{"specialist": "string", "task": "string"}]}',
        "quoted example": 'You asked for a reply such as {"subtasks": [{"specialist": "chef", "task": "Plan the menu for ten."}]} but gave no request.',
        "answer instead": "The best way to plan a wedding is to start early. Book the venue first, then the caterer.",
        "steps without specialists": "1. Find a venue.\n2. Book the caterer.\n3. Send invitations.",
        "tasks without specialists": '{"tasks": ["Find a venue", "Book the caterer"]}',
        "objects without specialists": '{"subtasks": [{"task": "Find a venue"}, {"task": "Book the caterer"}]}',
        "numbers": "[1, 2, 3]",
        "other object": '{"title": "Wedding", "date": "2026-05-01", "guests": 40}',
        "thoughts and answer": '{"thoughts": "The user wants a plan.", "answer": "Book the venue first."}',
        "code": "```python\ndef plan(x):\n    return {'a': [x]}\n```",
        "null": "null",
        "blank": "   \n",
        "uneven columns": '{"specialists": ["caterer", "florist"], "tasks": ["Plan the menu."]}',
        "advice": "Some advice:\n- **Venue**: book early\n- **Food**: ask about allergies",
    }
    for kind, text in texts.items():
        yield kind, lambda _, text=text: (text, None)
    yield "unclosed think", lambda p: (f"<think>Let me plan. {dumps({'subtasks': items(p)})}", None)
    yield "unclosed thinking in lines", lambda p: (f"<thinking>\n{fenced(dumps({'subtasks': items(p)}))}\n", None)
    yield "ellipsis", lambda p: (dumps({"subtasks": items(p)})[:-2] + ", ...]}", None)


GROUPS: dict[Group, Callable[[], Iterator[tuple[str, Writer]]]] = {
    "shape": _shapes, "key": _keys, "wrapper": _wrappers, "around": _around, "reasoning": _reasoning, "mistake": _mistakes,
    "revision": _revisions, "not JSON": _other, "combined": _combined, "no plan": _no_plans,
}  # fmt: skip


def cases() -> Iterator[Case]:
    """Give every kind with every plan, in order."""
    for group, kinds in GROUPS.items():
        for kind, write in kinds():
            for plan in PLANS:
                made = write(plan)
                text, wanted = made if isinstance(made, tuple) else (made, plan)
                yield Case(kind, group, text, wanted)


def cuts(seed: int = 7) -> Iterator[Case]:
    """Give several shapes cut at every character; `plan` is the whole plan, `text` the part."""
    rng = random.Random(seed)  # noqa: S311
    shapes: dict[str, Callable[[Plan], str]] = {
        "object": lambda p: dumps({"subtasks": items(p)}),
        "list, indented": lambda p: dumps(items(p, cross_check=True), indent=2),
        "objects in lines": lambda p: "\n".join(map(dumps, items(p))),
        "fence": lambda p: "Here it is:\n" + fenced(dumps({"subtasks": items(p)}, indent=1)),
        "think": lambda p: "<think>Hm {x}.</think>" + json.dumps({"plan": items(p)}),
        "mapping": lambda p: dumps({"subtasks": dict(p)}),
        "pairs": lambda p: dumps(list(map(list, p))),
        "columns": lambda p: dumps({"specialists": [pair[0] for pair in p], "tasks": [pair[1] for pair in p]}),
        "single quotes": lambda p: near({"subtasks": items(p)}, quote="''", key="''"),
        "trailing commas": lambda p: near({"subtasks": items(p)}, trail=","),
        "string in plan": lambda p: dumps({"plan": dumps(items(p))}),
        "XML": lambda p: str(
            _xml("<task><type>{who}</type><description>{what}</description></task>", "<tasks>{all}</tasks>")(p)
        ),
        "numbered list": lambda p: "The plan:\n" + "\n".join(f"{n}. {w}: {t}" for n, (w, t) in enumerate(flat(p), 1)),
        "table": lambda p: "| Specialist | Task |\n|---|---|\n" + "\n".join(f"| {w} | {t} |" for w, t in flat(p)),
        "YAML": lambda p: (
            "subtasks:\n" + "\n".join(f"  - specialist: {_scalar(w)}\n    task: {_scalar(t)}" for w, t in flat(p))
        ),
    }
    for name, write in shapes.items():
        for plan in rng.sample(PLANS, 4):
            text = write(plan)
            wanted = flat(plan) if name in {"numbered list", "table", "YAML"} else plan
            for end in range(1, len(text)):
                yield Case(f"cut {name}", "cut", text[:end], wanted, truncated=True)
