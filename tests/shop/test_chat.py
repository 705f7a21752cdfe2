"""The text chat."""

from __future__ import annotations

import json
from typing import Any

import pytest

from contoso_lab.errors import PromptError, ShopError
from contoso_lab.shop import Catalog, chat, get_customer

CATALOG, MAYA = Catalog.load(), get_customer("maya")
QUESTION = [{"role": "user", "content": "Which tent fits four people?"}]


def reply(call: int) -> str:
    return json.dumps({"response": "Maya, the Meadow Four.", "context": "Wants a tent for four.", "call": call})


def test_the_chat_is_shown_the_whole_catalogue() -> None:
    system, question = chat.render(QUESTION, MAYA, CATALOG, context=["Plans a trip."])
    assert all(f"- {product.sku} | {product.name} | " in system["content"] for product in CATALOG)
    assert "# Conversation so far\n- summary: Plans a trip.\n" in system["content"]
    assert question == QUESTION[0]


@pytest.mark.parametrize(("call", "wants_call"), [(1, False), (5, True)])
async def test_an_answer_has_three_parts(server: Any, call: int, wants_call: bool) -> None:
    server.reply = reply(call)
    answer = await chat.answer(QUESTION, MAYA, CATALOG, server.target)
    assert (answer.response, answer.context) == ("Maya, the Meadow Four.", "Wants a tent for four.")
    assert (answer.call, answer.wants_call) == (call, wants_call)
    assert server.asked[0]["response_format"]["json_schema"]["schema"]["required"] == ["response", "context", "call"]


async def test_a_picture_goes_to_the_model_as_a_picture(server: Any) -> None:
    server.reply = reply(1)
    message = chat.picture_message("Would this fit?", "data:image/png;base64,AA==")
    await chat.answer([message], MAYA, CATALOG, server.target)
    assert server.asked[0]["messages"][1] == message


async def test_a_score_outside_one_to_five_is_an_error(server: Any) -> None:
    server.reply = reply(9)
    with pytest.raises(PromptError, match="'call' has to be 1 to 5, not 9"):
        await chat.answer(QUESTION, MAYA, CATALOG, server.target)


@pytest.mark.parametrize("messages", [[], [*QUESTION, {"role": "assistant", "content": "The Meadow Four."}]])
def test_there_has_to_be_a_question(messages: list[dict[str, Any]]) -> None:
    with pytest.raises(ShopError, match="nothing to answer"):
        chat.render(messages, MAYA, CATALOG)
