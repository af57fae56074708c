"""Single: the baselines without a plan: one call, one call refined by itself, n calls merged, one call that lists conflicts."""

from collections.abc import Sequence

from evals.caller import MOST_OUTPUT, Caller, Run, Spent, each, guess, made
from evals.judge import verdicts
from evals.sets import Document

DRAFTS = 5
ROUNDS = 4  # of feedback and refinement, as in Self-Refine (arXiv 2303.17651)
WELL = "NOTHING TO IMPROVE"
FEEDBACK = f"Here is a request and an answer to it. Say concretely what would make the answer better for who asked: what is wrong, missing, vague or contradictory. If nothing would, say {WELL} and no more.\n\n# Request\n\n{{request}}\n\n# Answer\n\n{{text}}"
REFINE = "Here is a request, an answer to it and feedback on the answer. Write the improved answer, whole, and nothing else.\n\n# Request\n\n{request}\n\n# Answer\n\n{text}\n\n# Feedback\n\n{feedback}"
MERGE = "Here is a request and several answers to it, made without knowledge of each other. Write the one best answer from them, and nothing else.\n\n# Request\n\n{request}\n\n{drafts}"
LIST = """Here is a question and several documents. Answer the question from the documents. First list every pair of statements in them that cannot both be true. End with one JSON object for each such pair, on a line of its own: {{"first": "words of one document, copied letter by letter", "second": "words of the other"}}. Where there is none, end without one.

# Question

{request}

{documents}"""


async def one_call(caller: Caller, request: str) -> Run:
    """Ask once."""
    return made(await caller.say(request))


async def refined(caller: Caller, request: str) -> Run:
    """Ask, then have feedback given and the answer improved while tokens and rounds remain."""
    share = caller.room(request) // (2 * ROUNDS + 1)
    text = await caller.say(request, cap=max(share, 1_000))
    for _ in range(ROUNDS):
        if caller.room(request) < 4 * guess(text):
            break
        try:
            feedback = await caller.say(FEEDBACK.format(request=request, text=text), cap=max(guess(text), 300))
            if WELL in feedback:
                break
            text = await caller.say(REFINE.format(request=request, text=text, feedback=feedback))
        except Spent:
            break
    return made(text)


async def parallel(caller: Caller, request: str) -> Run:
    """Ask a fixed number of times at once, and merge."""
    room = MOST_OUTPUT if caller.tokens is None else caller.tokens
    cap = (room - (DRAFTS + 1) * guess(request + MERGE)) // (2 * DRAFTS + 1)
    texts = await each([caller.say(request, cap=cap) for _ in range(DRAFTS)])
    drafts = "\n\n".join(f"# Answer {at}\n\n{text}" for at, text in enumerate(texts, 1))
    return made(await caller.say(MERGE.format(request=request, drafts=drafts)))


async def listed(caller: Caller, request: str, documents: Sequence[Document]) -> Run:
    """Ask once for the conflicts of the documents and an answer."""
    told = "\n\n".join(
        f"# Document {at} ({document.who})\n\n{document.text}" for at, document in enumerate(documents, 1)
    )
    text = await caller.say(LIST.format(request=request, documents=told))
    pairs = [[str(pair["first"]), str(pair["second"])] for pair in verdicts(text) if {"first", "second"} <= pair.keys()]
    return made(text, entries=pairs)
