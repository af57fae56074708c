"""Logs: inspect's record of every sample: made by running suites, judged now or later, read for the results."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from inspect_ai import eval_set, score
from inspect_ai.log import EvalLog, list_eval_logs, read_eval_log, write_eval_log
from inspect_ai.model import Model, get_model

from evals import gateway, minds, suites
from evals.purse import Cost, judge_cost, price, systems_cost, usd_of
from evals.results import Measured
from nodes.budget import cost_usd

AT_ONCE = 8  # samples
# A worker that is refused slows down every call to its endpoint, so scenes with the dead run one at a time.
AT_ONCE_OF = {"survival": 1}


def folder_of(root: Path, model: str) -> Path:
    """Name the folder of a model's logs: where the next run of it goes on."""
    return root / re.sub(r"[^\w.-]+", "-", model)


def run(
    folder: Path,
    names: Sequence[str],
    *,
    model: str,
    judge: str | None,
    epochs: int,
    limit: int | None = None,
    data: Sequence[str] = (),
    deepagents: bool = False,
) -> bool:
    """Run suites into a folder's logs; what stands there finished is not run again. False: something was not finished."""
    asked = _asked(judge) if judge else None  # now: in the survival suite OPENAI_BASE_URL is the gateway's
    upstream = None if model == minds.MIND else gateway.upstream(model)
    whole = True
    for name in names:
        task = suites.suite(name, model, judge, list(data), deepagents=deepagents and name == "survival")
        behind = gateway.served(upstream) if upstream and name == "survival" else nullcontext()
        with behind:
            done, _ = eval_set(
                task,
                log_dir=str(folder / name),
                model="none/none",
                tags=[model],  # the viewer's column of models has the judge's name alone
                model_roles={"judge": asked} if asked else None,
                epochs=epochs,
                limit=limit,
                max_samples=AT_ONCE_OF.get(name, AT_ONCE),
                retry_attempts=0,
                retry_immediate=False,
                log_buffer=1,  # what is finished is on disk, whatever comes
                display="plain",
                log_level="warning",
                score_display=False,
            )
        whole = whole and done
    return whole


def _asked(judge: str) -> Model:
    """Make the judge; not one that an earlier gateway's address is kept in.

    Raises:
        SystemExit: its key or its address is missing.
    """
    try:
        return get_model(judge, memoize=False)
    except Exception as error:
        told = re.sub(r"\[/?[a-z ]+\]", "", str(error))
        raise SystemExit(f"the judge {judge!r} cannot be asked: {told}") from error


def judge_later(folder: Path, judge: str) -> None:
    """Judge what the logs of a folder hold; nothing is run again."""
    asked = _asked(judge)
    for log in _logs(folder):
        scorer = suites.measured(log.eval.task, judge, later=True)
        write_eval_log(
            score(log, scorer, model_roles={"judge": asked}, action="overwrite", display="plain"), log.location
        )


def judging(folder: Path, judge: str) -> dict[str, tuple[str, Cost]]:
    """Name the logs of a folder, each with the model that it is of, and what judging it will cost."""
    return {
        log.location: (
            log.eval.task_args["model"],
            sum([judge_cost(log.eval.task, judge)] * len(log.samples or []), Cost()),
        )
        for log in _logs(folder)
    }


def read(folders: Sequence[Path]) -> list[Measured]:
    """Read all logs in some folders, by model; of a sample that stands there twice the later counts."""
    found: dict[str, Measured] = {}
    for log in (log for folder in folders for log in _logs(folder)):
        for sample in log.samples or []:
            kept = next(iter((sample.scores or {}).values()), None)
            if kept is None or not kept.metadata:
                continue
            metadata: Mapping[str, Any] = sample.metadata
            measured = found.setdefault(metadata["model"], Measured(metadata["model"]))
            measured.judge = kept.metadata["judge"] or measured.judge
            measured.take(metadata["suite"], str(sample.id), sample.epoch, kept.metadata["figures"], metadata)
    return list(found.values())


def spent(folder: Path) -> float:
    """Add up what a folder's logs have cost, systems and judge, in USD; what has no known price counts as nothing."""
    usd = 0.0
    for log in _logs(folder):
        for told in (sample.metadata for sample in log.samples or [] if "runs" in sample.metadata):
            usd += usd_of(told["runs"], systems_cost(told["suite"], told["model"], told.get("ceiling", 0)).most)
        usage, judge = log.stats.role_usage.get("judge"), log.eval.task_args.get("judge")
        counted = cost_usd(price(judge), usage.input_tokens, usage.output_tokens) if usage and judge else None
        kept = (score.metadata or {} for sample in log.samples or [] for score in (sample.scores or {}).values())
        usd += max(
            counted or 0.0, sum(told.get("judge_usd", 0.0) for told in kept)
        )  # judged later: in the scores alone
    return usd


def _logs(folder: Path) -> Iterator[EvalLog]:
    if folder.is_dir():
        for info in reversed(list_eval_logs(str(folder))):  # the oldest first
            yield read_eval_log(info)
