"""Plan: what is wrong with a plan, and what it may cost. Pure.

checks: every check there is, on duplicates, dependencies and placeholders; mending: what code does about them; allowances: what a plan may cost, and how
it is cut to the money.
"""

from nodes.plan.allowances import planner_purse, sized, told_documents
from nodes.plan.checks import TASK_LIMIT, Finding, check
from nodes.plan.frame import checked as checked_frame
from nodes.plan.repairs import GENERALIST, Repaired, repaired

__all__ = [
    "GENERALIST",
    "TASK_LIMIT",
    "Finding",
    "Repaired",
    "check",
    "checked_frame",
    "planner_purse",
    "repaired",
    "sized",
    "told_documents",
]
