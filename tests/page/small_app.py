"""A Bolt app small enough to know by heart, so that the page is tested and not the product."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient

from bot.tell.chart import Painter
from bot.words.report import Chart, Series, Tone

JSON = dict[str, Any]

HOSTILE = '<script>window.pwned=1</script><img src=x onerror="window.pwned=1">'
EXECUTIONS = ["4711 billing-sync", "4712 billing-sync", "4800 crm-import"]


def plain(text: str) -> JSON:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> JSON:
    return {"type": "mrkdwn", "text": text}


def section(text: str) -> JSON:
    return {"type": "section", "text": mrkdwn(text)}


def button(text: str, action: str, **more: Any) -> JSON:
    return {"type": "button", "text": plain(text), "action_id": action, "value": "REQ-1", **more}


def field(label: str, element: JSON, **more: Any) -> JSON:
    block_id = element["action_id"]
    return {
        "type": "input",
        "block_id": block_id,
        "label": plain(label),
        "element": element,
        **more,
    }


CONFIRM = {
    "title": plain("Reject this?"),
    "text": mrkdwn("Ana is told *at once*."),
    "confirm": plain("Yes, reject"),
    "deny": plain("Keep waiting"),
}

CARD: list[JSON] = [
    {"type": "header", "text": plain("Whitelist 203.0.113.7")},
    section("Lifts rate limiting for `203.0.113.7`"),
    {
        "type": "actions",
        "elements": [
            button("Approve", "approve", style="primary"),
            button("Reject", "reject", style="danger", confirm=CONFIRM),
            button("Stuck", "stuck"),
        ],
    },
]

FORM: JSON = {
    "type": "modal",
    "callback_id": "form",
    "title": plain("Whitelist"),
    "submit": plain("Show the plan"),
    "close": plain("Cancel"),
    "blocks": [
        field("IP address", {"type": "plain_text_input", "action_id": "ip"}),
        field(
            "Execution",
            {"type": "external_select", "action_id": "execution", "min_query_length": 1},
            optional=True,
        ),
        field(
            "Services",
            {
                "type": "multi_static_select",
                "action_id": "services",
                "options": [{"text": plain(n), "value": n} for n in ("core-api", "n8n")],
            },
            optional=True,
        ),
    ],
}

CHOICES = [{"text": plain(n), "value": n} for n in ("red", "green", "blue")]


def gallery_element(kind: str, **more: Any) -> JSON:
    return field(kind, {"type": kind, "action_id": kind, **more})


GALLERY: JSON = {
    "type": "modal",
    "callback_id": "gallery",
    "title": plain("Gallery"),
    "submit": plain("Send"),
    "blocks": [
        gallery_element("plain_text_input", multiline=True),
        gallery_element("number_input", is_decimal_allowed=False, min_value="1", max_value="20"),
        gallery_element("email_text_input"),
        gallery_element("url_text_input"),
        gallery_element("static_select", options=CHOICES),
        gallery_element("users_select"),
        gallery_element("conversations_select"),
        gallery_element("checkboxes", options=CHOICES),
        gallery_element("radio_buttons", options=CHOICES),
        gallery_element("datepicker", initial_date="2026-11-22"),
        gallery_element("timepicker"),
        gallery_element("datetimepicker"),
    ],
}

WIDE: list[JSON] = [
    section("x" * 900),
    section(f"<https://example.com/{'y' * 300}>"),
    {"type": "section", "fields": [mrkdwn("*Field*\n" + "z" * 200) for _ in range(4)]},
    {
        "type": "table",
        "rows": [
            [{"type": "raw_text", "text": f"column {c}"} for c in range(9)],
            [{"type": "raw_text", "text": "w" * 30} for _ in range(9)],
        ],
    },
    {"type": "actions", "elements": [button("B" * 75, "approve"), button("C" * 75, "stuck")]},
    {"type": "markdown", "text": "```\n" + "q" * 400 + "\n```"},
]


CHART = Chart(
    title="Statistics of shop-db, last 24h",
    unit="per hour",
    times=tuple(datetime(2026, 11, 21, 21, tzinfo=UTC) + timedelta(hours=n) for n in range(24)),
    series=(
        Series(name="operations", values=(None, *(20.0 + n for n in range(23))), before=(30.0,) * 24),
        Series(name="failed", values=tuple(float(n % 3) for n in range(24)), tone=Tone.TROUBLE),
    ),
    before="the day before",
    alt="Operations and failures per hour: 412 operations, 31 failed.",
)


def build(api_url: str, bot_token: str, app_token: str) -> AsyncSocketModeHandler:
    app = AsyncApp(token=bot_token, client=AsyncWebClient(token=bot_token, base_url=api_url))

    @app.command("/ops")
    async def ops(ack: AsyncAck, respond: AsyncRespond, body: JSON, client: AsyncWebClient) -> None:
        word = body["text"]
        if word == "deaf":
            return
        await ack()
        match word:
            case "chart":
                await respond(text="412 operations, 31 failed", response_type="in_channel")
                picture = await Painter().png(CHART)
                await client.files_upload_v2(
                    channel=body["channel_id"],
                    filename="statistics.png",
                    title=CHART.title,
                    content=picture,
                    alt_txt=CHART.alt,
                )
            case "card":
                await respond(text="A card", blocks=CARD, response_type="in_channel")
            case "form":
                await client.views_open(trigger_id=body["trigger_id"], view=FORM)
            case "gallery":
                await client.views_open(trigger_id=body["trigger_id"], view=GALLERY)
            case "wide":
                await respond(text="wide", blocks=WIDE, response_type="in_channel")
            case "hostile":
                blocks = [
                    {"type": "header", "text": plain(HOSTILE[:140])},
                    section(HOSTILE),
                    section(f"<javascript:window.pwned=1|press me> <https://x|{HOSTILE}>"),
                    {"type": "markdown", "text": f"{HOSTILE} [press](javascript:window.pwned=1)"},
                    {"type": "context", "elements": [mrkdwn(HOSTILE)]},
                ]
                await respond(text=HOSTILE, blocks=blocks, response_type="in_channel")
            case _:
                await respond(text=f"Only you read *{word}*")

    @app.action("approve")
    async def approve(ack: AsyncAck, respond: AsyncRespond, body: JSON) -> None:
        await ack()
        blocks = [section(f"Approved by <@{body['user']['id']}>")]
        await respond(text="Approved", blocks=blocks, replace_original=True)

    @app.action("reject")
    async def reject(ack: AsyncAck, respond: AsyncRespond) -> None:
        await ack()
        await respond(text="Rejected", blocks=[section("Rejected")], replace_original=True)

    @app.action("stuck")
    async def stuck() -> None:
        """Never acks."""

    @app.view("form")
    async def submitted(ack: AsyncAck, body: JSON, client: AsyncWebClient) -> None:
        values = body["view"]["state"]["values"]
        ip = values["ip"]["ip"]["value"]
        if "." not in ip:
            await ack(response_action="errors", errors={"ip": f"{ip} is not an address, try 203.0.113.7"})
            return
        await ack()
        option = values["execution"]["execution"]["selected_option"] or {}
        services = [o["value"] for o in values["services"]["services"]["selected_options"]]
        said = f"Planned {ip} for {option.get('value')} on {', '.join(services)}"
        await client.chat_postMessage(channel="C0DEMO002", text=said)

    @app.view("gallery")
    async def sent(ack: AsyncAck, body: JSON, client: AsyncWebClient) -> None:
        await ack()
        values = body["view"]["state"]["values"]
        held = {kind: next(v for k, v in values[kind][kind].items() if k != "type") for kind in values}
        await client.chat_postMessage(channel="C0DEMO002", text=json.dumps(held))

    @app.options("execution")
    async def executions(ack: AsyncAck, payload: JSON) -> None:
        found = [e for e in EXECUTIONS if payload["value"] in e]
        await ack(options=[{"text": plain(e), "value": e.split()[0]} for e in found])

    @app.shortcut("run_here")
    async def run_here(ack: AsyncAck, body: JSON, client: AsyncWebClient) -> None:
        await ack()
        view = {**FORM, "title": plain("Run here")}
        await client.views_open(trigger_id=body["trigger_id"], view=view)

    @app.event("app_home_opened")
    async def home(event: JSON, client: AsyncWebClient) -> None:
        view = {
            "type": "home",
            "blocks": [section("*Nothing waits for you*"), {"type": "divider"}],
        }
        await client.views_publish(user_id=event["user"], view=view)

    @app.event("app_mention")
    async def mentioned(event: JSON, client: AsyncWebClient) -> None:
        await client.chat_postMessage(channel=event["channel"], thread_ts=event["ts"], text="Here I am")

    @app.event("message")
    async def other(ack: AsyncAck) -> None:
        await ack()

    web = AsyncWebClient(token=app_token, base_url=api_url)
    return AsyncSocketModeHandler(app, app_token=app_token, web_client=web)
