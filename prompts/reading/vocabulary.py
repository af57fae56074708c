"""Keys: the names that models give to the parts of a plan, in several languages and spellings."""

import re
import unicodedata
from functools import lru_cache
from typing import Literal

from rapidfuzz import fuzz

Part = Literal["specialist", "task", "cross_check", "wrapper", "other"]

_WHO = "specialist expert agent worker role assignee assigned owner persona assignedto delegate delegateto responsible executor performer actor subagent consultant professional profession handler specialism expertise specialization specialisation specialty speciality discipline"
_WHO_FOREIGN = (
    "spezialist spezialistin fachmann experte expertin rolle zuständig spécialiste specialiste experto especialista "
    "perito rôle rol papel ruolo esperto specialista agente agent специалист эксперт роль агент исполнитель "
    "专家 專家 角色 代理 专员 負責人 负责人 専門家 担当 担当者 エージェント 役割 전문가 담당자 역할 "
    "أخصائي متخصص خبير المتخصص الخبير מומחה विशेषज्ञ specialistin"
)
_WHO_WEAK = "name type kind who category title"
_WHAT = (
    "task", "subtask", "taskdescription", "subtaskdescription", "instructions", "instruction", "tasks", "assignment",
    "description", "desc", "prompt", "todo", "objective", "goal", "work", "job", "mission", "brief", "request", "query",
    "question", "action", "activity", "details", "detail", "what", "responsibility", "deliverable", "content", "input", "text", "step", "message", "body",
)  # fmt: skip
_WHAT_FOREIGN = (
    "aufgabe teilaufgabe auftrag beschreibung anweisung tâche tache soustâche instrucción instrucciones tarea subtarea "
    "descripción descripcion tarefa subtarefa descrição descricao compito descrizione attività taak omschrijving "
    "задача подзадача задание описание 任务 任務 子任务 子任務 描述 说明 說明 指令 タスク サブタスク 作業 説明 指示 내용 작업 과제 설명 "
    "مهمة المهمة وصف الوصف משימה תיאור कार्य विवरण zadanie úkol görev"
)
_WRAPPERS = (
    "subtasks tasks plan steps assignments items list subtasklist tasklist result results output response data "
    "workers answer final finalplan finalanswer revisedplan delegation delegations team agents specialists experts roles jobs "
    "workplan arguments args parameters params input function functioncall toolcalls json content value todos actions work "
    "children entries elements parts split decomposition breakdown teilaufgaben aufgaben tâches taches tareas subtareas "
    "tarefas compiti задачи подзадачи план 任务列表 任务 子任务 计划 計画 タスク 작업 계획 المهام الخطة root payload properties_ "
)
_CROSS = "crosscheck crosschecked verify doublecheck needscrosscheck crosscheckneeded crossverify crossvalidation verification secondopinion"
_OTHER = (
    "id ids index number no nr priority status dependson dependencies depends order rationale reason why reasoning note notes "
    "deadline estimate budget complexity context inputs outputs expectedoutput expectedresult success tools format effort "
    "phase stage error errors refusal apology warning comment comments thought thoughts analysis summary explanation "
    "confidence language version goaloftheplan overview scope acceptancecriteria constraints code success ok "
    "city country date time location weather address email phone price total currency fehler grund raison erreur motivo razón razon "
    "错误 原因 ошибка причина エラー 理由 오류 이유 begründung hinweis nota msg answer clarification example examples schema draft draftplan sample template"
)
SKIPPED = frozenset(
    [
        "example",
        "examples",
        "schema",
        "sample",
        "samples",
        "template",
        "draft",
        "draftplan",
        "olddraft",
        "reasoning",
        "thoughts",
        "thought",
        "analysis",
        "frame",
        "sharedframe",
    ]
)

_STEMS = ("name", "type", "role", "title", "id", "kind", "category", "expert", "agent")
_TYPO = 88  # rapidfuzz ratio: one slip in a long word, not another word


def plain(key: str) -> str:
    """Fold case, width, and every separator: "Sub-Task" and "subTask" are one."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", key).casefold())


def _words(text: str) -> dict[str, int]:
    return {plain(word): rank for rank, word in enumerate(text.split())}


WHO = {word + stem for word in _words(_WHO) for stem in ("", *_STEMS)} | set(_words(_WHO_FOREIGN))
WHO_WEAK = set(_words(_WHO_WEAK))
WHAT = {word: rank for rank, word in enumerate((*map(plain, _WHAT), *_words(_WHAT_FOREIGN)))}
WRAPPERS = _words(_WRAPPERS)
CROSS = set(_words(_CROSS))
OTHER = set(_words(_OTHER))


@lru_cache(maxsize=512)
def specialist(key: str) -> int | None:
    """Rank a key that names who does the work: 0 sure, 1 perhaps; None: it does not."""
    word = plain(key[:80])
    if word in WHO or (word.endswith("s") and word[:-1] in WHO):
        return 0
    if word in WHO_WEAK:
        return 1
    return 0 if len(word) > 7 and fuzz.ratio(word, "specialist") >= _TYPO else None  # noqa: PLR2004


@lru_cache(maxsize=512)
def task(key: str) -> int | None:
    """Rank a key that names the work, the surest lowest; None: it does not."""
    word = plain(key[:80])
    for form in (
        word,
        word.removesuffix("s"),
        *(word.removesuffix(end) for end in ("description", "details", "text", "prompt", "name")),
    ):
        if form in WHAT:
            return WHAT[form]
    if len(word) > 7 and max(fuzz.ratio(word, right) for right in ("description", "instructions")) >= _TYPO:  # noqa: PLR2004
        return WHAT["description"]
    return None


@lru_cache(maxsize=512)
def wrapper(key: str) -> int | None:
    """Rank a key that may hold the subtasks, the surest lowest; None: it may not."""
    word = plain(key[:80])
    if word in WRAPPERS:
        return -1 if "final" in word else WRAPPERS[word]
    return 0 if len(word) > 6 and fuzz.ratio(word, "subtasks") >= _TYPO else None  # noqa: PLR2004


def cross_check(key: str) -> bool:
    """Say whether a key asks for a second opinion."""
    return plain(key[:80]) in CROSS


def other(key: str) -> bool:
    """Say whether a key is known to be neither who nor what."""
    return plain(key[:80]) in OTHER


def numbered(key: str) -> bool:
    """Say whether a key only counts: "1", "S2", "task_3", "step 4"."""
    word = plain(key)
    stem = word.rstrip("0123456789")
    return word != stem and (
        len(stem) <= 1
        or task(stem) is not None
        or wrapper(stem) is not None
        or specialist(stem) is not None
        or stem in {"phase", "item", "no", "nr"}
    )
