"""Plan: what is wrong with a plan, and what it may cost. Pure.

checks: every check there is, on duplicates, dependencies and placeholders; allowances: what a plan may cost, and how
it is cut to the money.
"""

from nodes.plan.allowances import planner_purse, sized, told_documents
from nodes.plan.checks import TASK_LIMIT, Finding, check

__all__ = ["TASK_LIMIT", "Finding", "check", "planner_purse", "sized", "told_documents"]
