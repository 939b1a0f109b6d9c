"""OpenAI's Python client against a server of the bundled model: python3 openai_client.py URL KEY. Prints a line for each check.

`npm run test:python-client` starts the server and runs it.
"""
import asyncio
import json
import math
import sys

import openai
from pydantic import BaseModel

URL, KEY = sys.argv[1:3]
MODEL = "fable"
GREEDY = {"temperature": 0, "seed": 1}
MESSAGES = [{"role": "user", "content": "Tell me a story about a fox."}]
SCHEMA = {
    "type": "object",
    "properties": {"kind": {"enum": ["cat", "dog"]}, "age": {"type": "integer", "minimum": 0, "maximum": 20}},
    "required": ["kind", "age"],
    "additionalProperties": False,
}
ADOPT = {"name": "adopt", "parameters": SCHEMA, "strict": True}
client = openai.OpenAI(base_url=f"{URL}/v1", api_key=KEY, max_retries=0)


class Pet(BaseModel):
    name: str
    is_cat: bool


def models():
    assert client.models.list().data[0].id == MODEL
    assert client.models.retrieve(MODEL).id == MODEL


def completions():
    body = {"model": MODEL, "prompt": "Once upon a time", "max_tokens": 24, **GREEDY}
    whole = client.completions.create(**body, logprobs=2)
    chunks = list(client.completions.create(**body, stream=True, stream_options={"include_usage": True}))
    assert "".join(chunk.choices[0].text for chunk in chunks if chunk.choices) == whole.choices[0].text
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens == 24
    assert len(whole.choices[0].logprobs.tokens) == 24
    several = client.completions.create(**{**body, "prompt": ["A fox", "The sea"], "n": 2})
    assert [choice.index for choice in several.choices] == [0, 1, 2, 3]


def chat():
    body = {"model": MODEL, "messages": MESSAGES, "max_completion_tokens": 24, **GREEDY}
    whole = client.chat.completions.create(**body, logprobs=True, top_logprobs=2)
    assert len(whole.choices[0].logprobs.content) == 24
    with client.chat.completions.stream(**body, stream_options={"include_usage": True}) as stream:
        stream.until_done()
        final = stream.current_completion_snapshot  # the final one is refused by the client where the limit ended it
    assert final.choices[0].message.content == whole.choices[0].message.content
    assert final.usage.completion_tokens == 24


async def chat_async():
    async with openai.AsyncOpenAI(base_url=f"{URL}/v1", api_key=KEY, max_retries=0) as several:
        body = {"model": MODEL, "messages": MESSAGES, "max_tokens": 12, **GREEDY}
        answers = await asyncio.gather(*(several.chat.completions.create(**body) for _ in range(4)))
        assert len({answer.choices[0].message.content for answer in answers}) == 1
        text = ""
        async for chunk in await several.chat.completions.create(**body, stream=True):
            text += chunk.choices[0].delta.content or ""
        assert text == answers[0].choices[0].message.content


def extras():
    """Parameters that are not OpenAI's travel in extra_body."""
    answer = client.completions.create(
        model=MODEL, prompt="Once", max_tokens=4, extra_body={"top_k": 1, "min_p": 0, "return_token_ids": True}
    )
    assert len(answer.choices[0].token_ids) == 4


def tools():
    body = {"model": MODEL, "messages": MESSAGES, "tools": [{"type": "function", "function": ADOPT}], "seed": 2}
    for choice in ("required", {"type": "function", "function": {"name": "adopt"}}):
        [called] = client.chat.completions.create(**body, tool_choice=choice, parallel_tool_calls=False).choices
        [call] = called.message.tool_calls
        assert call.function.name == "adopt" and json.loads(call.function.arguments)["kind"] in ("cat", "dog")
    # Not by the client's stream helper: as Debian packages it, 3.6.0, it fails on any call whose function is strict.
    name, arguments, reason = "", "", None
    for chunk in client.chat.completions.create(**body, tool_choice="required", parallel_tool_calls=False, stream=True):
        [choice] = chunk.choices
        for part in choice.delta.tool_calls or []:
            name += part.function.name or ""
            arguments += part.function.arguments or ""
        reason = choice.finish_reason or reason
    assert (name, reason) == ("adopt", "tool_calls") and json.loads(arguments)["kind"] in ("cat", "dog")


def structured():
    parsed = client.chat.completions.parse(model=MODEL, messages=MESSAGES, response_format=Pet, seed=2, max_tokens=200)
    assert isinstance(parsed.choices[0].message.parsed, Pet)
    form = {"type": "json_schema", "json_schema": {"name": "pet", "schema": SCHEMA, "strict": True}}
    answer = client.chat.completions.create(model=MODEL, messages=MESSAGES, response_format=form, seed=2)
    assert json.loads(answer.choices[0].message.content)["age"] in range(21)


def embeddings():
    texts = ["a fox", "a red fox", "the sea at night"]
    answer = client.embeddings.create(model=MODEL, input=texts)
    floats = client.embeddings.create(model=MODEL, input=texts, encoding_format="float")
    for one, other in zip(answer.data, floats.data, strict=True):
        assert all(math.isclose(a, b, rel_tol=1e-6) for a, b in zip(one.embedding, other.embedding, strict=True))
        assert math.isclose(math.hypot(*one.embedding), 1, rel_tol=1e-6)
    assert answer.usage.total_tokens == answer.usage.prompt_tokens > 0
    assert len(client.embeddings.create(model=MODEL, input="a fox", dimensions=8).data[0].embedding) == 8


def responses():
    body = {"model": MODEL, "input": "Tell me a story about a fox.", "max_output_tokens": 24, "temperature": 0}
    whole = client.responses.create(**body, store=False)
    assert whole.status == "incomplete" and whole.output_text != ""
    with client.responses.stream(**body, store=False) as stream:
        [*_, last] = stream
    assert last.type == "response.incomplete" and last.response.output_text == whole.output_text
    body = {**body, "input": "A pet.", "max_output_tokens": 200, "store": False}
    with client.responses.stream(**body, text_format=Pet) as stream:
        assert isinstance(stream.get_final_response().output_parsed, Pet)
    parsed = client.responses.parse(**body, text_format=Pet)
    assert isinstance(parsed.output_parsed, Pet)
    tool = {"type": "function", **ADOPT}
    called = client.responses.create(model=MODEL, input="A pet.", tools=[tool], tool_choice="required", store=False)
    [call] = [item for item in called.output if item.type == "function_call"][:1]
    assert json.loads(call.arguments)["kind"] in ("cat", "dog")


def errors():
    refused(openai.AuthenticationError, lambda: client.with_options(api_key="wrong").models.list())
    refused(openai.NotFoundError, lambda: client.completions.create(model="x", prompt="x"))
    error = refused(openai.BadRequestError, lambda: client.completions.create(model=MODEL, prompt="x", max_tokens=-1))
    assert error.param == "max_tokens" and error.code == "invalid_value"


def refused(kind, call):
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}")


def main():
    for check in (models, completions, chat, chat_async, extras, tools, structured, embeddings, responses, errors):
        outcome = check()
        if asyncio.iscoroutine(outcome):
            asyncio.run(outcome)
        print(f"ok {check.__name__}", flush=True)
    print(f"OpenAI's Python client {openai.__version__}: all checks passed")


main()
