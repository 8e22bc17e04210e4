"""Files as chat programs, gateways and evaluation tools write them, on an invented tram company's lost property office.

Each function writes the files of one format into a folder and returns them.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 14):
    import zipfile as zstd_zipfile
else:
    from backports.zstd import zipfile as zstd_zipfile

UMBRELLA = "I left a green umbrella on tram 6."
HELD = "It is at the Elm Street desk; bring a photo card."
POSTED = "We will post it to you free of charge."
HOURS = "When is the desk open?"
NOON = "From eight until noon, Monday to Saturday."
RULES = "You answer for Alder Trams."
DESK = "Found things are kept at Elm Street for thirty days; a photo card is needed."


def lines(path: Path, *values: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(value, ensure_ascii=False) + "\n" for value in values), encoding="utf-8")
    return path


def whole(path: Path, value: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1), encoding="utf-8")
    return path


def continue_dev(folder: Path) -> list[Path]:
    base = {"schema": "0.2.0", "userId": "", "selectedProfileId": "local"}
    model = {"modelProvider": "ollama", "modelName": "alder-coder", "modelTitle": "alder-coder"}
    first = {"prompt": "<system>\nBe brief.\n\n<user>\nSort the stops by <line>\n\n", "completion": "sorted(stops)"}
    first = {**first, **model, "sessionId": "s-1"}
    second = {**first, "prompt": f"{first['prompt']}<assistant>\nsorted(stops)\n\n<user>\nBackwards?\n<user>\n\n",
              "completion": "sorted(stops, reverse=True)"}  # fmt: skip

    def event(name: str, at: str, **more: Any) -> dict[str, Any]:
        return {"eventName": name, "timestamp": f"2026-03-02T07:{at}.000Z", **base, **more}

    return [
        lines(folder / "0.1.0/chatFeedback.jsonl",
              {"modelName": "alder-coder", "prompt": "<user>\nHello\n\n", "completion": "Hi.", "feedback": True,
               "sessionId": "s-0"}),
        lines(folder / "0.2.0/chatFeedback.jsonl", event("chatFeedback", "10:00", **first, feedback=False),
              event("chatFeedback", "10:00", **first, feedback=False)),
        lines(folder / "0.2.0/chatInteraction.jsonl", event("chatInteraction", "09:00", **first, tools=["read_file"]),
              event("chatInteraction", "09:30", **second)),
        lines(folder / "0.2.0/editOutcome.jsonl",
              event("editOutcome", "11:00", **model, prompt="Rename n to stops", completion="stops = 3\n",
                    accepted=True, previousCode="n = 3\n", newCode="stops = 3\n")),
        lines(folder / "0.2.0/autocomplete.jsonl",
              event("autocomplete", "12:00", **model, prefix="def first(line):\n    return ", suffix="\n",
                    completion="line[0]", prompt="<fim>", accepted=False, completionId="c-1")),
        lines(folder / "0.2.0/toolUsage.jsonl", event("toolUsage", "09:10", functionName="read_file", accepted=True)),
        lines(folder / "destination/chatInteraction.jsonl", first),
        whole(folder / "sessions/s-2.json",
              {"sessionId": "s-2", "title": "Stops", "workspaceDirectory": "file:///trams",
               "history": [{"message": {"role": "user", "content": "Which stops?"},
                            "contextItems": [{"name": "a.py", "content": "stops = []", "id": {"itemId": "a"}}]},
                           {"message": {"role": "assistant", "content": "None yet."}, "contextItems": [],
                            "promptLogs": [{"modelTitle": "alder-coder", "prompt": "p", "completion": "c"}]}]}),
    ]  # fmt: skip


TOKEN = "eyJ-not-a-real-token-of-an-account"


def cursor_database(path: Path) -> Path:
    """A database in the middle of its work: some of it is still in the write-ahead log."""
    bubbles = [
        ("b1", {"type": 1, "text": "Add a timetable to app.py", "createdAt": "2026-03-02T07:00:00.000Z"}),
        ("b2", {"type": 2, "text": "", "thinking": {"text": "Read it first."}}),
        ("b3", {"type": 2, "text": "", "toolFormerData": {"name": "read_file", "toolCallId": "t-1",
                "rawArgs": '{"target_file":"app.py"}', "result": '{"contents":"pass"}', "status": "completed"}}),
        ("b4", {"type": 2, "text": "Added a timetable.",
                "codeBlocks": [{"content": "timetable = {}", "languageId": "python"}]}),
    ]  # fmt: skip
    chat = {"composerId": "chat-1", "name": "Timetable", "createdAt": 1772434800000, "unifiedMode": "agent",
            "modelConfig": {"modelName": "alder-large"},
            "fullConversationHeadersOnly": [{"bubbleId": id, "type": one["type"]} for id, one in bubbles]
            + [{"bubbleId": "gone", "type": 2}]}  # fmt: skip
    older = {"composerId": "chat-0", "name": "Older", "createdAt": 1772348400000,
             "conversation": [{"type": 1, "text": HOURS}, {"type": 2, "text": NOON}]}  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE ItemTable (key TEXT UNIQUE ON CONFLICT REPLACE, value BLOB)")
    connection.execute("CREATE TABLE cursorDiskKV (key TEXT UNIQUE ON CONFLICT REPLACE, value BLOB)")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("INSERT INTO ItemTable VALUES ('cursorAuth/accessToken', ?)", (TOKEN,))
    rows: list[tuple[str, Any]] = [
        ("composerData:chat-1", json.dumps(chat).encode()),
        ("composerData:empty", None),
        ("composerData:chat-0", json.dumps(older)),
        ("inlineDiffs:x", TOKEN),
        ("bubbleId:lost:b9", "{}"),
    ]
    rows += [(f"bubbleId:chat-1:{id}", json.dumps(one)) for id, one in bubbles]
    rows += [("bubbleId:chat-1:deleted", None), ("bubbleId:chat-1:null", "null")]
    connection.executemany("INSERT INTO cursorDiskKV VALUES (?, ?)", rows)
    connection.commit()
    copied = {one.name: one.read_bytes() for one in path.parent.glob(f"{path.name}*")}
    connection.close()
    for name, content in copied.items():  # as the program leaves them while it runs
        path.with_name(name).write_bytes(content)
    return path


def cursor(folder: Path) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    markdown = folder / "chat.md"
    markdown.write_text(
        f"# Desk\n_Exported on 3/2/2026 at 08:00:00 GMT+1 from Cursor (1.7.1)_\n\n---\n\n**User**\n\n{HOURS}\n\n---\n\n"
        f"**Cursor**\n\n{NOON}\n\n---\n\nClosed on Sunday.\n\n---\n\n**User**\n\nThanks\n",
        encoding="utf-8",
    )
    return [cursor_database(folder / "state.vscdb"), markdown]


def _webui_chat() -> dict[str, Any]:
    def message(id: str, parent: str | None, role: str, content: str, at: int, **more: Any) -> dict[str, Any]:
        return {
            "id": id,
            "parentId": parent,
            "childrenIds": [],
            "role": role,
            "content": content,
            "timestamp": at,
            **more,
        }

    thought = '<details type="reasoning" done="true" duration="3">\n<summary>Thought</summary>\n> desk\n</details>\n'
    source = {"source": {"id": "kb-1", "name": "desk.md"}, "document": [DESK], "metadata": [{"page": 2}],
              "distances": [0.2]}  # fmt: skip
    messages = [
        message("u1", None, "user", UMBRELLA, 1772434800),
        message("a1", "u1", "assistant", POSTED, 1772434801, model="alder-small", feedbackId="fb-1",
                annotation={"rating": "-1", "reason": "not_factually_correct", "comment": "nothing is posted",
                            "details": {"rating": 3}}),
        message("a2", "u1", "assistant", thought + HELD, 1772434802, model="alder-small", sources=[source]),
        message("u2", "a2", "user", HOURS, 1772434900),
        message("a3", "u2", "assistant", NOON, 1772434901, model="alder-small", annotation={"rating": 1}),
    ]  # fmt: skip
    return {"id": "chat-1", "user_id": "user-1", "title": "Umbrella", "created_at": 1772434800,
            "meta": {"tags": ["lost"]},
            "chat": {"models": ["alder-small"], "timestamp": 1772434800000,
                     "history": {"messages": {one["id"]: one for one in messages}, "currentId": "a3"}}}  # fmt: skip


def openwebui(folder: Path) -> list[Path]:
    return [whole(folder / "chats.json", [_webui_chat()])]


def openwebui_feedback(folder: Path) -> list[Path]:
    chat = _webui_chat()
    rating = {"rating": -1, "reason": "not_factually_correct", "comment": "nothing is posted"}
    arena = {"rating": 1, "sibling_model_ids": ["birch"]}
    return [
        whole(folder / "feedback.json", [
            {"id": "fb-1", "user_id": "user-1", "type": "rating", "data": rating, "updated_at": 1772434850,
             "meta": {"chat_id": "chat-1", "message_id": "a1"}, "snapshot": {"chat": chat}},
            {"id": "fb-2", "user_id": "user-1", "type": "rating", "data": arena, "updated_at": 1772434950,
             "meta": {"chat_id": "chat-1", "message_id": "a3", "arena": True}, "snapshot": {"chat": chat}},
        ])
    ]  # fmt: skip


def lmstudio(folder: Path) -> list[Path]:
    def block(text: str, **more: Any) -> dict[str, Any]:
        return {"type": "contentBlock", "content": [{"type": "text", "text": text}], **more}

    used = {"identifier": "alder-small"}
    call = {"type": "contentBlock", "content": [
        {"type": "toolCallRequest", "toolCallRequestId": "7", "name": "find", "parameters": {"line": 6}}]}  # fmt: skip
    result = {"type": "contentBlock", "content": [
        {"type": "toolCallResult", "toolCallId": "7", "content": '{"desk":"Elm Street"}'}]}  # fmt: skip
    versions = [
        {"type": "multiStep", "role": "assistant", "steps": [block(POSTED, genInfo=used)]},
        {"type": "multiStep", "role": "assistant",
         "steps": [block("Where?", style={"type": "thinking"}), call, result, {"type": "debugInfoBlock"},
                   block(HELD, genInfo=used)]},
    ]  # fmt: skip
    asked = {"type": "singleStep", "role": "user", "content": [{"type": "text", "text": UMBRELLA}]}
    conversation = {
        "name": "Umbrella", "createdAt": 1772434800000, "systemPrompt": "",
        "messages": [{"versions": [asked], "currentlySelected": 0}, {"versions": versions, "currentlySelected": 1}],
        "perChatPredictionConfig": {"fields": [{"key": "llm.prediction.systemPrompt", "value": RULES}]},
        "lastUsedModel": used,
    }  # fmt: skip
    return [whole(folder / "1772434800000.conversation.json", conversation)]


def claude_code(folder: Path) -> list[Path]:
    def line(
        uuid: str, parent: str | None, kind: str, message: dict[str, Any], second: int, **more: Any
    ) -> dict[str, Any]:
        return {"uuid": uuid, "parentUuid": parent, "type": kind, "sessionId": "session-1", "cwd": "/trams",
                "version": "2.2.0", "isSidechain": False, "timestamp": f"2026-03-02T07:00:{second:02}.000Z",
                "message": message, **more}  # fmt: skip

    def answer(id: str, block: dict[str, Any], tokens: int) -> dict[str, Any]:
        return {"id": id, "role": "assistant", "model": "alder-large", "content": [block],
                "usage": {"input_tokens": 10, "output_tokens": tokens}}  # fmt: skip

    def ask(text: str) -> dict[str, Any]:
        return {"role": "user", "content": text}

    call = {"type": "tool_use", "id": "t-1", "name": "Read", "input": {"file_path": "/trams/desk.md"}}
    other = {**call, "id": "t-2", "input": {"file_path": "/trams/hours.md"}}
    result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t-1", "content": DESK}]}
    more = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t-2",
                                         "content": [{"type": "text", "text": NOON}]}]}  # fmt: skip
    session = [
        {"type": "file-history-snapshot", "messageId": "u1", "snapshot": {}},
        line("u1", None, "user", ask(UMBRELLA), 0),
        line("a1", "u1", "assistant", answer("m-1", {"type": "thinking", "thinking": "Look."}, 1), 1),
        line("a2", "a1", "assistant", answer("m-1", {"type": "text", "text": "Let me look."}, 5), 2),
        line("a3", "a2", "assistant", answer("m-1", call, 30), 3),
        line("r1", "a3", "user", result, 4, toolUseResult={"type": "text"}),
        line("a4", "a3", "assistant", answer("m-1", other, 40), 4),
        line("r2", "a4", "user", more, 5),
        line("a5", "r2", "assistant", answer("m-2", {"type": "text", "text": HELD}, 12), 6),
        line("x1", "a5", "user", ask("<command-name>/cost</command-name>"), 7),
        line("x2", "a5", "user", ask("caveat"), 7, isMeta=True),
        line("u2", "a5", "user", ask("And on Sunday?"), 8),
        line("a6", "u2", "assistant", answer("m-3", {"type": "text", "text": "Yes."}, 2), 9),
        line("u3", "a5", "user", ask(HOURS), 20),  # the user went back to before u2
        line("a7", "u3", "assistant", answer("m-4", {"type": "text", "text": NOON}, 9), 21),
        {"type": "summary", "summary": "Umbrella", "leafUuid": "a7"},
    ]
    agent = [
        line("y1", None, "user", ask("Find the desk."), 3, isSidechain=True, agentId="ag1"),
        line("y2", "y1", "assistant", answer("m-9", {"type": "text", "text": "Elm Street."}, 3), 4, isSidechain=True,
             agentId="ag1"),
    ]  # fmt: skip
    project = folder / "-trams"
    before = [{**one, "sessionId": "session-0"} if "sessionId" in one else one for one in session[:9]]
    return [
        lines(project / "session-0.jsonl", *before),  # what session-1 was resumed from
        lines(project / "session-1.jsonl", *session),
        lines(project / "session-1/subagents/agent-ag1.jsonl", *agent),
    ]


def _chatgpt_conversations() -> list[dict[str, Any]]:
    def node(
        id: str, parent: str | None, role: str | None, content: Any, at: float | None, **more: Any
    ) -> dict[str, Any]:
        if isinstance(content, str):
            content = {"content_type": "text", "parts": [content]}
        message = {"id": id, "author": {"role": role}, "content": content, "create_time": at, "weight": 1.0,
                   "metadata": {}, "recipient": "all", **more}  # fmt: skip
        return {"id": id, "parent": parent, "children": [], "message": message if role else None}

    hidden = {"is_visually_hidden_from_conversation": True}
    slug = {"model_slug": "alder-5"}
    image = {"content_type": "multimodal_text", "parts": [
        {"content_type": "image_asset_pointer", "asset_pointer": "file-service://umbrella"}, UMBRELLA]}  # fmt: skip
    nodes = [
        node("root", None, None, "", None),
        node("sys", "root", "system", "", None, weight=0.0, metadata=hidden),
        node("u0", "sys", "user", "umbrella?", 1.0),
        node("a0", "u0", "assistant", "What about it?", 2.0, metadata={"model_slug": "alder-4"}),
        node("u1", "sys", "user", image, 3.0),
        node("t1", "u1", "assistant", {"content_type": "thoughts", "thoughts": []}, 4.0),
        node("c1", "t1", "assistant", {"content_type": "code", "text": '{"line":6}'}, 5.0, recipient="search"),
        node("r1", "c1", "tool", DESK, 6.0),
        node("a1", "r1", "assistant", HELD, 7.0, metadata=slug),
        node("a2", "u1", "assistant", POSTED, 3.5, metadata=slug),
        node("u2", "a1", "user", HOURS, 8.0),
        node("a3", "u2", "assistant", NOON, 9.0, metadata=slug),
    ]  # fmt: skip
    conversation = {"title": "Umbrella", "create_time": 1772434800.5, "conversation_id": "conv-1",
                    "current_node": "a3", "mapping": {one["id"]: one for one in nodes}}  # fmt: skip
    short = [node("q", None, "user", HOURS, 1.0), node("n", "q", "assistant", NOON, 2.0)]
    return [conversation, {"title": "Hours", "id": "conv-2", "mapping": {one["id"]: one for one in short}}]


_THUMBS = [
    {"id": "a0", "conversation_id": "conv-1", "user_id": "me", "rating": "thumbs_down",
     "create_time": "2026-03-02T07:05:00.000000Z", "content": '{"tags":["unhelpful"],"text":"asked back"}'},
    {"message_id": "a3", "conversation_id": "conv-1", "rating": "thumbsUp", "content": "{}"},
    {"id": "z", "conversation_id": "deleted", "rating": "thumbs_up", "content": "{}"},
]  # fmt: skip


def chatgpt(folder: Path) -> list[Path]:
    first, second = _chatgpt_conversations()
    return [
        whole(folder / "conversations-000.json", [first]),
        whole(folder / "conversations-001.json", [second]),
        whole(folder / "message_feedback.json", _THUMBS),
    ]


def chatgpt_zip(folder: Path) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "export.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("conversations.json", json.dumps(_chatgpt_conversations()))
        archive.writestr("message_feedback.json", json.dumps(_THUMBS))
        archive.writestr("user.json", '{"email":"someone@alder.example"}')
    return [path]


def _called() -> dict[str, Any]:
    function = {"name": "find", "arguments": '{"line": 6}'}
    return {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "c-1", "type": "function", "function": function}],
    }


def openai_chat(folder: Path) -> list[Path]:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 5000}}
    return [
        lines(folder / "train.jsonl",
              {"messages": [{"role": "developer", "content": RULES}, {"role": "user", "content": UMBRELLA}, _called(),
                            {"role": "tool", "tool_call_id": "c-1", "content": '{"desk":"Elm Street"}'},
                            {"role": "assistant", "content": HELD}],
               "tools": [{"type": "function", "function": {"name": "find"}}]},
              {"messages": [{"role": "user", "content": [{"type": "text", "text": HOURS}, image]},
                            {"role": "assistant", "content": NOON, "weight": 0}]}),
        lines(folder / "preference.jsonl",
              {"input": {"messages": [{"role": "user", "content": UMBRELLA}]},
               "preferred_output": [{"role": "assistant", "content": HELD}],
               "non_preferred_output": [{"role": "assistant", "content": POSTED}]}),
    ]  # fmt: skip


def sharegpt(folder: Path) -> list[Path]:
    return [
        whole(folder / "sharegpt.json", [
            {"id": "sg-1", "system": RULES, "tools": '[{"name":"find"}]', "conversations": [
                {"from": "human", "value": UMBRELLA},
                {"from": "function_call", "value": '{"name":"find","arguments":{"line":6}}'},
                {"from": "observation", "value": '{"desk":"Elm Street"}'},
                {"from": "gpt", "value": HELD}]},
            {"conversations": [{"from": "user", "value": HOURS}, {"from": "chatgpt", "value": NOON}]},
        ])
    ]  # fmt: skip


def openai_stored(folder: Path) -> list[Path]:
    completion = {"object": "chat.completion", "id": "chatcmpl-7", "model": "alder-mini", "created": 1772434800,
                  "metadata": {"desk": "elm"}, "input_user": "user-1",
                  "choices": [{"index": 0, "message": {"role": "assistant", "content": HELD}},
                              {"index": 1, "message": {"role": "assistant", "content": POSTED}}]}  # fmt: skip
    alone = {**completion, "id": "chatcmpl-8", "choices": completion["choices"][:1]}
    message = {"id": "chatcmpl-7-0", "role": "user", "content": UMBRELLA, "name": None, "content_parts": None}
    page = {"object": "list", "first_id": "x", "last_id": "y", "has_more": False}
    return [
        whole(folder / "list.json", {**page, "data": [completion, alone]}),
        whole(folder / "messages.json", {**page, "data": [message]}),
    ]


def batch(folder: Path) -> list[Path]:
    body = {"model": "alder-mini", "messages": [{"role": "user", "content": UMBRELLA}]}
    asked = [{"custom_id": f"item-{n}", "method": "POST", "url": "/v1/chat/completions", "body": body} for n in (1, 2)]
    done = {
        "created": 1772434800,
        "model": "alder-mini",
        "choices": [{"message": {"role": "assistant", "content": HELD}}],
    }
    return [
        lines(folder / "output.jsonl", {"id": "r-1", "custom_id": "item-1", "error": None,
                                        "response": {"status_code": 200, "body": done}}),
        lines(folder / "error.jsonl", {"id": "r-2", "custom_id": "item-2", "response": None,
                                       "error": {"code": "batch_expired", "message": "too late"}}),
        lines(folder / "input.jsonl", *asked),
        lines(folder / "anthropic.jsonl",
              {"custom_id": "an-1", "result": {"type": "succeeded", "message": {
                  "id": "msg-1", "role": "assistant", "model": "alder-large",
                  "content": [{"type": "text", "text": NOON}]}}},
              {"custom_id": "an-2", "result": {"type": "expired"}}),
        lines(folder / "anthropic-requests.jsonl",
              {"custom_id": "an-1", "params": {"system": RULES, "messages": [{"role": "user", "content": HOURS}]}}),
    ]  # fmt: skip


def openai_evals(folder: Path) -> list[Path]:
    return [
        whole(folder / "output_items.json", {"object": "list", "data": [
            {"object": "eval.run.output_item", "id": "outputitem-1", "created_at": 1772434800, "run_id": "run-1",
             "eval_id": "eval-1", "status": "fail", "datasource_item_id": 4,
             "datasource_item": {"question": UMBRELLA, "ground_truth": HELD},
             "results": [{"name": "desk-1a2b", "type": "string_check", "passed": False, "score": 0.0}],
             "sample": {"input": [{"role": "user", "content": UMBRELLA}], "model": "alder-mini",
                        "output": [{"role": "assistant", "content": POSTED}], "error": None}}]})
    ]  # fmt: skip


def openai_evals_log(folder: Path) -> list[Path]:
    def event(kind: str, number: int, data: dict[str, Any]) -> dict[str, Any]:
        return {"run_id": "2603", "event_id": number, "sample_id": "desk.dev.0", "type": kind, "data": data,
                "created_by": "", "created_at": "2026-03-02 07:00:00.000001+00:00"}  # fmt: skip

    return [
        lines(folder / "log.jsonl",
              {"spec": {"completion_fns": ["alder-mini"], "eval_name": "desk.dev", "run_id": "2603"}},
              event("sampling", 0, {"prompt": [{"role": "user", "content": HOURS}], "sampled": [NOON]}),
              event("match", 1, {"correct": True, "expected": "noon", "picked": "noon"}),
              {"final_report": {"accuracy": 1.0}})
    ]  # fmt: skip


KEY_HASH = "5f0c9d" * 10


def litellm(folder: Path) -> list[Path]:
    def row(id: str, **more: Any) -> dict[str, Any]:
        return {"request_id": id, "call_type": "acompletion", "api_key": KEY_HASH, "spend": 0.001,
                "startTime": "2026-03-02T07:00:00.000Z", "model": "ollama/alder", "end_user": "rider-9",
                "metadata": json.dumps({"user_api_key": KEY_HASH, "status": "success"}), "request_tags": '["desk"]',
                "session_id": "ride-1", "status": "success", "messages": {}, "response": {},
                "proxy_server_request": "{}", **more}  # fmt: skip

    messages = [{"role": "user", "content": UMBRELLA}]
    answer = {"id": "x", "choices": [{"message": {"role": "assistant", "content": HELD}}]}
    return [
        whole(folder / "spend_logs.json", [
            row("rq-1", messages=json.dumps(messages), response=json.dumps(answer)),
            row("rq-2"),
            row("rq-3", proxy_server_request=json.dumps({"messages": messages}), response=answer),
        ])
    ]  # fmt: skip


def helicone(folder: Path) -> list[Path]:
    def row(id: str, **more: Any) -> dict[str, Any]:
        return {"request_id": id, "response_id": f"{id}-r", "request_created_at": "2026-03-02T07:00:00.000Z",
                "response_status": 200, "response_model": "alder-mini", "request_user_id": "rider-9",
                "provider": "OPENAI",
                "feedback_rating": None, "scores": {"helpful": 40}, "signed_body_url": None,
                "properties": {"Line": "6", "Helicone-Session-Id": "ride-1"}, **more}  # fmt: skip

    request = {"model": "alder-mini", "messages": [{"role": "user", "content": UMBRELLA}]}
    answer = {"choices": [{"message": {"role": "assistant", "content": HELD}}]}
    claude = {"system": RULES, "messages": [{"role": "user", "content": HOURS}], "model": "alder-large"}
    said = {"role": "assistant", "content": [{"type": "text", "text": NOON}], "model": "alder-large"}
    return [
        lines(folder / "requests.jsonl", row("hq-1", request_body=request, response_body=answer, feedback_rating=False,
                                             feedback_id="hf-1", feedback_created_at="2026-03-02T07:05:00.000Z"),
              row("hq-2", request_body=claude, response_body=said, scores=None),
              row("hq-3", signed_body_url="https://bodies.alder.example/hq-3", scores=None))
    ]  # fmt: skip


def _inspect_samples() -> list[dict[str, Any]]:
    def sample(id: str, question: str, target: Any, answer: str, value: Any) -> dict[str, Any]:
        asked = {"role": "user", "content": question}
        reply = {"id": f"{id}-m", "role": "assistant", "content": [{"type": "reasoning", "reasoning": "hm"},
                                                                   {"type": "text", "text": answer}]}  # fmt: skip
        return {"id": id, "epoch": 1, "uuid": f"uuid-{id}", "input": question, "target": target,
                "messages": [{"role": "system", "content": "attachment://77"}, asked, reply],
                "output": {"model": "alder/mini", "completion": answer, "choices": []},
                "scores": {"match": {"value": value, "answer": answer, "explanation": "compared"}},
                "metadata": {"line": 6}, "attachments": {"77": RULES},
                "started_at": "2026-03-02T07:00:00+00:00"}  # fmt: skip

    return [
        sample("s-1", UMBRELLA, ["Elm Street"], HELD, "C"),
        sample("s-2", HOURS, "noon", POSTED, {"fact": "I", "tone": 4}),
    ]


_EVAL = {"eval_id": "ev-1", "task": "desk", "model": "alder/mini", "created": "2026-03-02T06:59:00+00:00"}


def inspect_json(folder: Path) -> list[Path]:
    log = {"version": 2, "status": "success", "eval": _EVAL, "plan": {}, "stats": {}, "samples": _inspect_samples()}
    return [whole(folder / "log.json", log)]


def inspect_eval(folder: Path) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "log.eval"
    with zstd_zipfile.ZipFile(path, "w", zstd_zipfile.ZIP_ZSTANDARD) as archive:
        archive.writestr("_journal/start.json", json.dumps({"version": 2, "eval": _EVAL, "plan": {}}))
        for sample in _inspect_samples():
            archive.writestr(f"samples/{sample['id']}_epoch_1.json", json.dumps(sample))
        archive.writestr("header.json", json.dumps({"version": 2, "status": "success", "eval": _EVAL}))
    return [path]


def _promptfoo_rows() -> list[dict[str, Any]]:
    def row(id: str, question: str, output: Any, components: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
        return {"id": id, "testIdx": 0, "promptIdx": 0, "vars": {"question": question}, "success": True, "score": 1,
                "prompt": {"raw": question, "label": "{{question}}"}, "provider": {"id": "ollama:alder"},
                "response": {"output": output}, "failureReason": 0, "namedScores": {"brevity": 0.5},
                "gradingResult": {"pass": True, "score": 1, "reason": "r", "componentResults": components},
                **more}  # fmt: skip

    rubric = {
        "pass": True,
        "score": 1,
        "reason": "names the desk",
        "assertion": {"type": "llm-rubric", "value": "desk"},
    }
    thumb = {"pass": False, "score": 0, "reason": "too short", "assertion": {"type": "human"}}
    code = {"pass": True, "score": 1, "reason": "", "assertion": {"type": "contains", "metric": "desk", "value": "Elm"}}
    chat = json.dumps([{"role": "system", "content": RULES}, {"role": "user", "content": HOURS}])
    failed = row("pf-3", HOURS, None, [], failureReason=2, error="connection refused", namedScores={})
    failed |= {"gradingResult": None, "response": {"error": "connection refused"}}
    return [row("pf-1", UMBRELLA, HELD, [rubric, thumb, code]),
            row("pf-2", HOURS, {"opens": "eight"}, [], prompt={"raw": chat}, namedScores={}), failed]  # fmt: skip


def promptfoo(folder: Path) -> list[Path]:
    results = {"version": 3, "timestamp": "2026-03-02T07:00:00.000Z", "prompts": [], "results": _promptfoo_rows(),
               "stats": {"successes": 2}}  # fmt: skip
    return [
        whole(folder / "results.json", {"evalId": "eval-7", "results": results, "config": {}, "shareableUrl": None})
    ]


def promptfoo_lines(folder: Path) -> list[Path]:
    return [lines(folder / "results.jsonl", *_promptfoo_rows())]


def argilla(folder: Path) -> list[Path]:
    record = {
        "id": "r-1", "fields": {"question": UMBRELLA, "answer": POSTED, "context": DESK}, "metadata": {"line": 6},
        "suggestions": {"faithful": {"value": "pass", "score": 0.7, "agent": "judge-2"}},
        "responses": {"faithful": [{"value": "fail", "user_id": "kim"}, {"value": "pass", "user_id": "lee"}],
                      "comment": [{"value": "Nothing is posted.", "user_id": "kim"}]},
        "vectors": {}, "status": "completed", "_server_id": "sv-1",
    }  # fmt: skip
    empty = {**record, "id": "r-2", "fields": {"question": HOURS, "answer": NOON}, "suggestions": {}, "responses": {}}
    return [whole(folder / "records.json", [record, empty])]


def argilla_flat(folder: Path) -> list[Path]:
    row = {"id": "r-1", "status": "completed", "_server_id": "sv-1", "question": UMBRELLA, "answer": POSTED, "line": 6,
           "faithful.responses": ["fail", "pass"], "faithful.responses.users": ["kim", "lee"],
           "faithful.responses.status": ["submitted", "draft"], "faithful.suggestion": "pass",
           "faithful.suggestion.agent": "judge-2", "faithful.suggestion.score": 0.7}  # fmt: skip
    return [whole(folder / "flat.json", [row])]


def labelstudio(folder: Path) -> list[Path]:
    def result(name: str, kind: str, value: dict[str, Any]) -> dict[str, Any]:
        return {"from_name": name, "to_name": "answer", "type": kind, "value": value}

    task = {
        "id": 5, "data": {"question": UMBRELLA, "answer": POSTED, "tram": "6"},
        "annotations": [
            {"id": 50, "completed_by": {"id": 1, "email": "kim@alder.example"}, "was_cancelled": False,
             "updated_at": "2026-03-03T07:00:00Z",
             "result": [result("verdict", "choices", {"choices": ["fail"]}), result("stars", "rating", {"rating": 2}),
                        result("critique", "textarea", {"text": ["Nothing is posted."]})]},
            {"id": 51, "completed_by": 2, "was_cancelled": True, "result": []}],
        "predictions": [{"model_version": "judge-2", "result": [result("verdict", "choices", {"choices": ["pass"]})]}],
    }  # fmt: skip
    return [whole(folder / "export.json", [task])]


def labelstudio_min(folder: Path) -> list[Path]:
    row = {"question": UMBRELLA, "answer": POSTED, "tram": "6", "id": 5, "verdict": "fail", "stars": [{"rating": 2}],
           "critique": "Nothing is posted.", "annotator": "kim@alder.example", "annotation_id": 50,
           "created_at": "2026-03-03T07:00:00Z", "updated_at": "2026-03-03T07:00:00Z", "lead_time": 9.5}  # fmt: skip
    other = {**row, "verdict": "pass", "annotator": "lee@alder.example", "annotation_id": 51, "critique": None}
    return [whole(folder / "min.json", [row, other])]


def labelstudio_csv(folder: Path) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "export.csv"
    path.write_text(
        '"annotation_id","annotator","answer","created_at","critique","id","lead_time","question","stars","verdict"\n'
        f'50,"kim@alder.example","{POSTED}","2026-03-03T07:00:00Z","Nothing is posted.",5,9.5,"{UMBRELLA}",'
        '"[{""rating"":2}]","fail"\n',
        encoding="utf-8",
    )
    return [path]


# The format that reads each, by the name of the function that writes it.
WRITERS: dict[str, tuple[str, Callable[[Path], list[Path]]]] = {
    "continue": ("continue", continue_dev),
    "cursor": ("cursor", cursor),
    "openwebui": ("openwebui", openwebui),
    "openwebui_feedback": ("openwebui", openwebui_feedback),
    "lmstudio": ("lmstudio", lmstudio),
    "claude_code": ("claude-code", claude_code),
    "chatgpt": ("chatgpt", chatgpt),
    "chatgpt_zip": ("chatgpt", chatgpt_zip),
    "openai_chat": ("openai-chat", openai_chat),
    "sharegpt": ("sharegpt", sharegpt),
    "openai_stored": ("openai-stored", openai_stored),
    "batch": ("batch", batch),
    "openai_evals": ("openai-evals", openai_evals),
    "openai_evals_log": ("openai-evals", openai_evals_log),
    "litellm": ("litellm", litellm),
    "helicone": ("helicone", helicone),
    "inspect_json": ("inspect", inspect_json),
    "inspect_eval": ("inspect", inspect_eval),
    "promptfoo": ("promptfoo", promptfoo),
    "promptfoo_lines": ("promptfoo", promptfoo_lines),
    "argilla": ("argilla", argilla),
    "argilla_flat": ("argilla", argilla_flat),
    "labelstudio": ("labelstudio", labelstudio),
    "labelstudio_min": ("labelstudio", labelstudio_min),
    "labelstudio_csv": ("labelstudio", labelstudio_csv),
}
