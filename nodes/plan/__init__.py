"""Plan: what is wrong with a plan, what code does about it, and what it may cost. Pure.

checks: every check there is, on duplicates, dependencies and placeholders; shares: what a frame shares out;
repairs: what code mends; task, words: a task as the checks read it, and the words of languages they know;
bounds: what each call can take at most; allowances: how a plan is cut to the money; plan_stream: a plan being written.
"""

from nodes.plan.allowances import planner_purse, sized
from nodes.plan.bounds import asked_for_plan, planner_room
from nodes.plan.checks import check
from nodes.plan.plan_stream import PlanStream
from nodes.plan.repairs import GENERALIST, Repaired, repaired
from nodes.plan.shares import checked_frame
