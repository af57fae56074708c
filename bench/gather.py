"""The openai client and asyncio.gather: the three calls as its README makes them, with no framework around them."""

import asyncio
import json
from functools import cache
from typing import Any

from openai import AsyncOpenAI
from pydantic import BaseModel

from bench.replies import JOIN

REQUEST = "Plan a neighbourhood street party for about 80 people on a Saturday afternoon."


class Section(BaseModel):
    """One part of the report."""

    name: str
    description: str


class Sections(BaseModel):
    """The plan."""

    sections: list[Section]


@cache
def client() -> AsyncOpenAI:
    """Make the one client."""
    return AsyncOpenAI()


async def chat(content: str, **more: Any) -> str:
    """Ask one question."""
    answer = await client().chat.completions.create(
        model="gpt-4o", messages=[{"role": "user", "content": content}], **more
    )
    return answer.choices[0].message.content or ""


async def chat_streamed(content: str) -> str:
    """Ask one question, and read the answer as it comes."""
    stream = await client().chat.completions.create(
        model="gpt-4o", messages=[{"role": "user", "content": content}], stream=True
    )
    return "".join([chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices])


async def run(workers: int, ask: Any = chat) -> int:  # noqa: ARG001 - the endpoint's plan says how many
    """Plan, work, join; return how many did their part."""
    schema = {"name": "sections", "schema": Sections.model_json_schema()}
    plan = json.loads(await chat(REQUEST, response_format={"type": "json_schema", "json_schema": schema}))
    texts = await asyncio.gather(*(ask(f"{section['name']}: {section['description']}") for section in plan["sections"]))
    await ask("\n\n".join([JOIN, *texts]))
    return len(texts)


async def listen(workers: int) -> int:
    """Do the same with every text streamed."""
    return await run(workers, chat_streamed)
