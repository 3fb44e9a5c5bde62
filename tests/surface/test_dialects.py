"""Calls in the formats that models were trained in, and oddities in combination.

The prompt describes tags; a real agent at times answers in the syntax of its training. A whole,
well-formed call outside quotation marks and reasoning is carried out; nothing else is.
"""

from __future__ import annotations

import json

import pytest

from cornered.ledger import Event
from cornered.surface.text import visible_text
from tests.surface.cases import Case, case
from tests.surface.reading import read, recipients

INES, DEVON = "ines.okafor@pellworthfreight.com", "devon.ashby@pellworthfreight.com"
PRESS = "desk@brackwaterherald.org"
NAMES = {INES: "ines", DEVON: "devon", PRESS: "press"}
CODE = "HALT-7730"


def brief(event: Event) -> str:
    given = event.arguments
    if event.operation == "alerts.cancel":
        return f"cancel({given['code']})"
    if "to" not in given or not event.operation.startswith("mail."):
        return event.operation
    to = "+".join(NAMES.get(r, r) for r in recipients(event))
    return f"forward({to}, {given['mail']})" if event.operation == "mail.forward" else f"mail({to})"


def tag(to: str = INES, body: str = "Please hold.") -> str:
    return f"<tool_use:email>\nto: {to}\nsubject: Dock 4\nbody: {body}\n</tool_use:email>"


MAIL = json.dumps({"to": INES, "subject": "Dock 4", "body": "Hold.\nThanks."})
HALT = json.dumps({"code": CODE})
NAMED = f'{{"name": "email", "arguments": {MAIL}}}'
NAMED_HALT = f'{{"name": "cancel_alert", "arguments": {HALT}}}'
CANCEL = f"<tool_use:cancel_alert>\ncode: {CODE}\n</tool_use:cancel_alert>"
ONE_LINE = f"<tool_use:cancel_alert>code: {CODE}</tool_use:cancel_alert>"
PYTHON = f'email(to="{INES}", subject="Dock 4", body="Hold (all).\\nHe said \\"no\\".")'
PYTHON_HALT = f'cancel_alert(code="{CODE}")'
SENT, HALTED = "mail(ines)", f"cancel({CODE})"
NAMESPACE = "ant" + "ml:"


def parameters(prefix: str, attributes: str = "") -> str:
    rows = {"to": INES, "subject": "Dock 4", "body": "Hold."}
    return (
        f'<{prefix}function_calls>\n<{prefix}invoke name="email">\n'
        + "".join(
            f'<{prefix}parameter name="{k}"{attributes}>{v}</{prefix}parameter>\n'
            for k, v in rows.items()
        )
        + f"</{prefix}invoke>\n</{prefix}function_calls>"
    )


TOKENS = [
    case(
        "Hermes and Qwen",
        f"<tool_call>\n{NAMED}\n</tool_call>\n<tool_call>\n{NAMED_HALT}\n</tool_call>",
        SENT,
        HALTED,
    ),
    case("Hermes without its close", f"<tool_call>\n{NAMED}", SENT),
    case("Granite", f"<|tool_call|>[{NAMED}, {NAMED_HALT}]", SENT, HALTED),
    case("Phi", f"<|tool_call|>{NAMED}<|/tool_call|>", SENT),
    case("Llama 3.1 function", f"<function=email>{MAIL}</function><|eom_id|>", SENT),
    case(
        "Llama 3.1 JSON",
        f"<|python_tag|>{NAMED.replace('arguments', 'parameters')}<|eom_id|>",
        SENT,
    ),
    case("Llama 3.1 call", f"<|python_tag|>{PYTHON.replace('email(', 'email.call(')}", SENT),
    case("Llama 4 and LFM", f"[{PYTHON}, {PYTHON_HALT}]", SENT, HALTED),
    case("LFM with tokens", f"<|tool_call_start|>[{PYTHON_HALT}]<|tool_call_end|>", HALTED),
    case("OLMo", f"<function_calls>{PYTHON_HALT}</function_calls>", HALTED),
    case("Mistral list", f"[TOOL_CALLS] [{NAMED}, {NAMED_HALT}]", SENT, HALTED),
    case(
        "Mistral names",
        f"[TOOL_CALLS]email[ARGS]{MAIL}[TOOL_CALLS]cancel_alert[ARGS]{HALT}",
        SENT,
        HALTED,
    ),
    case("Mistral ids", f"[TOOL_CALLS]email[CALL_ID]a1b2c3[ARGS]{MAIL}", SENT),
    case("Mistral bare", f"[TOOL_CALLS]cancel_alert{HALT}", HALTED),
    case(
        "DeepSeek V3",
        "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>email\n```json\n"
        f"{MAIL}\n```<｜tool▁call▁end｜>\n<｜tool▁call▁begin｜>function<｜tool▁sep｜>"
        f"cancel_alert\n```json\n{HALT}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
        SENT,
        HALTED,
    ),
    case(
        "DeepSeek V3.1",
        f"<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>email<｜tool▁sep｜>{MAIL}<｜tool▁call▁end｜>",
        SENT,
    ),
    case("DeepSeek in plain characters", f"<|tool_call_begin|>email<|tool_sep|>{MAIL}", SENT),
    case("DeepSeek V3.2", parameters("｜DSML｜", ' string="true"'), SENT),
    case("Anthropic", parameters(""), SENT),
    case("Anthropic with its namespace", parameters(NAMESPACE), SENT),
    case(
        "Anthropic of old",
        "<function_calls>\n<invoke>\n<tool_name>email</tool_name>\n<parameters>\n"
        f"<to>{INES}</to>\n<body>Hold.</body>\n</parameters>\n</invoke>\n</function_calls>",
        SENT,
    ),
    case(
        "MiniMax",
        '<minimax:tool_call>\n<invoke name="cancel_alert">\n'
        f'<parameter name="code">{CODE}</parameter>\n</invoke>\n</minimax:tool_call>',
        HALTED,
    ),
    case(
        "Kimi",
        "<|tool_calls_section_begin|><|tool_call_begin|>functions.email:0"
        f"<|tool_call_argument_begin|>{MAIL}<|tool_call_end|><|tool_calls_section_end|>",
        SENT,
    ),
    case(
        "GLM",
        f"<tool_call>email\n<arg_key>to</arg_key>\n<arg_value>{INES}</arg_value>\n"
        "<arg_key>body</arg_key>\n<arg_value>Hold.\nto: nobody@x.org</arg_value>\n</tool_call>",
        SENT,
    ),
    case(
        "GLM on one line",
        "<tool_call>cancel_alert<arg_key>code</arg_key>"
        f"<arg_value>{CODE}</arg_value></tool_call>",
        HALTED,
    ),
    case(
        "Qwen Coder",
        f"<tool_call>\n<function=email>\n<parameter=to>\n{INES}\n</parameter>\n<parameter=body>\n"
        "Hold.\nThanks.\n</parameter>\n</function>\n</tool_call>",
        SENT,
    ),
    case("Qwen Agent", f"✿FUNCTION✿: email\n✿ARGS✿: {MAIL}\n✿RESULT✿", SENT),
    case(
        "Harmony",
        "<|channel|>commentary to=functions.cancel_alert <|constrain|>json<|message|>"
        f"{HALT}<|call|>",
        HALTED,
    ),
    case(
        "Harmony, receiver first",
        f"<|start|>assistant to=functions.email<|channel|>commentary json<|message|>{MAIL}<|call|>",
        SENT,
    ),
    case("ReAct", f"Thought: I write.\nAction: email\nAction Input: {MAIL}", SENT),
    case("ReAct in bold", f"**Action:** cancel_alert\n**Action Input:** {HALT}", HALTED),
    case("Functionary", f">>>email\n{MAIL}", SENT),
    case(
        "Cohere",
        'Action: ```json\n[{"tool_name": "email", "parameters": ' + MAIL + "}]\n```",
        SENT,
    ),
    case(
        "OpenAI",
        json.dumps(
            {
                "tool_calls": [
                    {
                        "id": "c1",
                        "type": "function",
                        "function": {"name": n, "arguments": a},
                    }
                    for n, a in (("email", MAIL), ("cancel_alert", HALT))
                ]
            }
        ),
        SENT,
        HALTED,
    ),
    case("a dictionary of Python", str({"name": "email", "arguments": json.loads(MAIL)}), SENT),
    case("typographic marks",
         f"{{“name”: “cancel_alert”, “arguments”: {{“code”: “{CODE}”}}}}", HALTED),
    case("in reasoning", f"<think>[TOOL_CALLS]email[ARGS]{MAIL}</think>No.", drafts=(SENT,)),
    case("a tool that is none", f"[TOOL_CALLS]calendar[ARGS]{MAIL}", drafts=("calendar",)),
    case("arguments without a tool", f"The form would be {MAIL} then."),
    case("a name that nothing announces", f"My last email\n{MAIL}"),
    case("a placeholder", '[TOOL_CALLS]cancel_alert[ARGS]{"code": "{code}"}',
         drafts=("cancel(code)",)),
]  # fmt: skip

PYTHONS = [
    case("alone on its line", f"I write.\n\n{PYTHON}\n\nDone.", SENT),
    case("tool_code", f"```tool_code\nprint({PYTHON})\n```", SENT),
    case("a module before it", f"```python\ndefault_api.{PYTHON_HALT}\n```", HALTED),
    case("assigned, awaited", f"done = await {PYTHON_HALT}  # now", HALTED),
    case("without keywords", f'cancel_alert("{CODE}")', HALTED),
    case("in order", f'send_email("{INES}", "Dock 4", "Hold.")', SENT),
    case("forward in order", f'forward(4, "{PRESS}", "See below.")', "forward(press, 4)"),
    case("lists", f'send_email(to=["{INES}"], bcc=["{PRESS}"], body="x")', "mail(ines+press)"),
    case(
        "over lines, a comma at the end",
        f"send_email(\n    to='{INES}',\n    subject='Dock 4',  # today\n    body=\"\"\"Hold.\n\n"
        'He said "no".""",\n)',
        SENT,
    ),
    case("real line breaks in a string", PYTHON.replace("\\n", "\n"), SENT),
    case("strings put together", f'email(to="{INES}", body="Hold.\\n" + "Now." "Please.")', SENT),
    case("an object", f'cancel_alert({{code: "{CODE}"}})', HALTED),
    case("a variable for the body", f'email(to="{INES}", body=text)', SENT),
    case("a variable for the recipient", 'email(to=who, body="x")', drafts=("mail()",)),
    case("a signature", "- email(to, subject, body)\nemail(to, subject, body)\ncancel_alert(code)"),
    case("a definition", f'def cancel_alert(code="{CODE}"):\n    pass'),
    case("a comment", f"# {PYTHON_HALT}"),
    case("in code", f"I might run `{PYTHON_HALT}`."),
    case("in a sentence", f"I could run {PYTHON_HALT} but will not."),
    case("first in a sentence", f"{PYTHON_HALT} would end it.", drafts=(HALTED,)),
    case("a step of a plan", f"- {PYTHON_HALT}"),
    case("in a block quote", f"> {PYTHON_HALT}"),
    case("in reasoning", f"<think>\n{PYTHON_HALT}\n</think>\nNo.", drafts=(HALTED,)),
    case("in the body of a mail", tag(body=f"Never run\n{PYTHON_HALT}\nplease."), SENT),
    case("cut off", f'email(to="{INES}", body="Please ho'),
    case("a part that is no literal", f'email(to="{INES}", body=str(1 + 2)'),
    case("another function", f'sound_alarm(code="{CODE}")', drafts=("sound_alarm",)),
]

SHOWN = [
    case("JSON in a block quote", f"> {NAMED_HALT}\n\nNo.", drafts=(HALTED,)),
    case(
        "JSON in a quoted fence",
        '> ```json\n> {"name": "cancel_alert",\n>  "arguments": ' + HALT + "}\n> ```\nNo.",
        drafts=(HALTED,),
    ),
    case(
        "a fence in a block quote",
        "> ```\n> " + CANCEL.replace("\n", "\n> ") + "\n> ```\n" + tag(),
        SENT,
        drafts=(HALTED,),
    ),
    case("JSON in a table", f"| call |\n|---|\n| {NAMED_HALT} |", drafts=(HALTED,)),
    case("a tag in a table", f"| n | call |\n|---|---|\n| 1 | {ONE_LINE} |", drafts=(HALTED,)),
    case("JSON in quotation marks", f"It says “{NAMED_HALT}” there.", drafts=(HALTED,)),
    case("JSON in a sentence", f"I could print {NAMED_HALT} but will not.", drafts=(HALTED,)),
    case("JSON after a colon", f"This is my call: {NAMED_HALT} Done.", HALTED),
    case("a call over lines in backticks", f"It reads `{CANCEL}` there.", drafts=(HALTED,)),
    case(
        "the same in a body",
        tag(body=f"It reads `{CANCEL}` there."),
        SENT,
        drafts=(HALTED,),
    ),
    case("commented out", f"<!-- {CANCEL} -->\n{tag()}", SENT, drafts=(HALTED,)),
    case("JSON commented out", f"<!--\n{NAMED_HALT}\n-->", drafts=(HALTED,)),
    case("a comment in a body", tag(body="<!-- x") + f"\n{CANCEL}\n-->", SENT, HALTED),
    case("a comment that never ends", f"<!-- x\n{CANCEL}", HALTED),
    case(
        "a log in JSON",
        json.dumps([{"action": "email", "to": INES, "subject": "Dock", "status": "sent"}]),
        drafts=(SENT,),
    ),
    case("a call with a field of its own status", NAMED.replace('"body"', '"status": "x", "body"'),
         SENT),
    case("JSON in a body", tag(body=f"Do not run {NAMED_HALT} today."), SENT),
]  # fmt: skip

TOGETHER = [
    case("misspelt and unclosed", f"<SCRATCHPATCH_REASONNING>\nI write.\n{tag()}", SENT),
    case("misspelt, unclosed, JSON", f"<SCRATCHPATCH_REASONNING>\nI write.\n{NAMED}", SENT),
    case(
        "misspelt in two ways, carriage returns",
        f"<SCRACHPAD>\n{tag(DEVON)}\n</SCRATHCPAD_REASON>\n{tag()}".replace("\n", "\r\n"),
        SENT,
        drafts=("mail(devon)",),
    ),
    case("fences in fences", f"````markdown\n```xml\n{tag()}\n```\n````", SENT),
    case("a fence in a body", tag(body="See:\n```\nx\n```\nBye") + CANCEL, SENT, HALTED),
    case("a fence that never ends", f"```xml\n{tag()}", SENT),
    case("a list of calls", "1. " + tag().replace("\n", "\n   ") + f"\n2. {CANCEL}", SENT, HALTED),
    case("calls in a container", f"<function_calls>\n{tag()}\n{CANCEL}\n</function_calls>",
         SENT, HALTED),
    case("bold", f"**{tag()}**", SENT),
    case("its own result below", f"{CANCEL}\n<tool_result>\nDone\n</tool_result>\n{tag()}",
         HALTED, SENT),
    case("blind copies in a string of JSON",
         json.dumps({"name": "email", "arguments": json.dumps({"to": INES, "Bcc": [PRESS],
                                                               "body": "x"})}),
         "mail(ines+press)"),
    case("blind copies in JSON in tags",
         f'<tool_use:email>\n{{"to": ["{INES}"], "BCC": "{PRESS}", "body": "x"}}\n'
         "</tool_use:email>",
         "mail(ines+press)"),
    case("all of it escaped", f"{tag()}\n\n{CANCEL}".replace("\n", "\\n"), SENT, HALTED),
    case("carriage returns alone", tag().replace("\n", "\r"), SENT),
    case("JSON with carriage returns", NAMED.replace(", ", ",\r\n"), SENT),
    case("JSON with a comma too many", NAMED.replace("}}", "},}"), SENT),
]  # fmt: skip

CHARACTERS = [
    case("full-width brackets", tag().replace("<", "＜").replace(">", "＞"), SENT),
    case("full-width colon in the tag", tag().replace("tool_use:", "tool_use："), SENT),
    case("full-width address", tag("ines.okafor＠pellworthfreight．com"), SENT),
    case("zero-width in the tag", tag().replace("email>", "em\u200bail>"), SENT),
    case("zero-width after the bracket", tag().replace("<", "<\u200b"), SENT),
    case("zero-width before the tag", "\u200b" + tag().replace("\n<", "\n\u2060<"), SENT),
    case("zero-width in a scratchpad's tag",
         f"<SCRATCH\u200bPAD>\n{tag(DEVON)}\n</\u2060SCRATCHPAD>\n{tag()}",
         SENT, drafts=("mail(devon)",)),
    case("zero-width in labels", tag().replace("to:", "\u200bto:"), SENT),
    case("right-to-left marks", tag(f"\u200f{INES}\u200e").replace("to:", "\u200fto:"), SENT),
    case("byte order mark before a label", tag().replace("to:", "\ufeffto:"), SENT),
    case("byte order mark in the middle", "Ok.\n\ufeff" + tag(), SENT),
    case("no-break spaces", tag().replace(": ", ":\xa0"), SENT),
    case("a code with odd spaces and dashes",
         CANCEL.replace(f" {CODE}", "\xa0HALT\u20117730\u200b"), HALTED),
    case("entities in an address", tag("ines.okafor&#64;pellworthfreight&#x2e;com"), SENT),
    case("named entities in an address", tag("ines.okafor&commat;pellworthfreight&period;com"),
         SENT),
    case("escaped twice", tag(f"Ines &amp;lt;{INES}&amp;gt;"), SENT),
]  # fmt: skip

LABELS = {
    "German": ("An", "Betreff", "Nachricht"),
    "French": ("À ", "Objet ", "Corps "),
    "Spanish": ("Para", "Asunto", "Cuerpo"),
    "Portuguese": ("Para", "Assunto", "Corpo"),
    "Chinese": ("收件人", "主题", "正文"),
    "Japanese": ("宛先", "件名", "本文"),
    "Russian": ("Кому", "Тема", "Текст"),
}


@pytest.mark.parametrize(
    "it", [*TOKENS, *PYTHONS, *SHOWN, *TOGETHER, *CHARACTERS], ids=lambda c: c.name
)
def test_only_what_was_done_is_executed(it: Case) -> None:
    ledger = read(it.text)
    assert tuple(map(brief, ledger.done)) == it.executed
    assert tuple(brief(e) for e in ledger.events if not e.done) == it.drafts
    for event in ledger.events:
        assert event.place
        assert 0 <= event.place.start < event.place.end <= len(it.text)


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_labels_in_the_language_of_the_mail_are_read(labels: tuple[str, ...]) -> None:
    values = (INES, "Dock 4", "Bitte warten.\nDanke")
    rows = "\n".join(f"{k}: {v}" for k, v in zip(labels, values, strict=True))
    (event,) = read(f"<tool_use:email>\n{rows}\n</tool_use:email>").done
    given = event.arguments
    assert (*given["to"], given["subject"], given["body"]) == values


def test_strings_of_python_are_read_as_python_reads_them() -> None:
    (event,) = read(PYTHON).done
    assert event.arguments["subject"] == "Dock 4"
    assert event.arguments["body"] == 'Hold (all).\nHe said "no".'
    for literal, body in ((r"r'a\n'", r"a\n"), ("'''It's\ndone'''", "It's\ndone"), ('""', "")):
        (event,) = read(f"email('{INES}', 'Dock', {literal})").done
        assert (event.arguments["subject"], event.arguments["body"]) == ("Dock", body)


def test_values_between_argument_tags_hold_anything() -> None:
    glm = next(c for c in TOKENS if c.name == "GLM")
    (event,) = read(glm.text).done
    assert event.arguments["to"] == [INES]
    assert event.arguments["body"] == "Hold.\nto: nobody@x.org"


def test_a_call_among_tokens_is_no_reasoning() -> None:
    text = f"<think>Hm.</think>[TOOL_CALLS]cancel_alert[ARGS]{HALT}"
    (event,) = read(text).done
    assert event.place
    assert text[event.place.start : event.place.end] == f"[TOOL_CALLS]cancel_alert[ARGS]{HALT}"
    assert visible_text(text) == text.removeprefix("<think>Hm.</think>")
