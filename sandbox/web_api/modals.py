"""views.*: modals and the Home tab."""

from typing import Literal

from bot.slack.views import blockkit
from sandbox.model import JSON, SlackError, View
from sandbox.web_api.call import Call, in_slacks_words, invalid


def open_(call: Call) -> JSON:
    content = content_of(call.json("view"), "modal")
    _refuse_taken(call, content)
    person = call.workspace.use_trigger(call.required("trigger_id"))
    return _reply(call, call.workspace.open_modal(person, content))


def push(call: Call) -> JSON:
    content = content_of(call.json("view"), "modal")
    _refuse_taken(call, content)
    person = call.workspace.use_trigger(call.required("trigger_id"))
    return _reply(call, call.workspace.open_modal(person, content, push=True))


def update(call: Call) -> JSON:
    if call.text("view_id"):
        view = call.workspace.view(call.text("view_id"))
    else:
        view = call.workspace.view_by_external_id(call.required("external_id"))
    if view is None:
        raise SlackError("not_found")
    content = content_of(call.json("view"), view.type)
    _refuse_stale(call, view)
    call.workspace.set_content(view, content)
    if view.type == "home":
        call.workspace.publish_home(view)
    else:
        call.workspace.publish_views(view.person)
    return _reply(call, view)


def publish(call: Call) -> JSON:
    person = call.member("user_id")
    content = content_of(call.json("view"), "home")
    view = call.workspace.homes.get(person.id)
    if view is None:
        view = call.workspace.new_view(person.id, content)
        call.workspace.homes[person.id] = view
    else:
        _refuse_stale(call, view)
        call.workspace.set_content(view, content)
    call.workspace.publish_home(view)
    return _reply(call, view)


def content_of(view: object, kind: Literal["modal", "home"]) -> JSON:
    """A view as the app sent it. Raises: SlackError invalid_arguments, as Slack words it."""
    if not isinstance(view, dict):
        raise invalid("missing required field: view")
    wrong = blockkit.problems(view, kind)
    if "type" not in view:
        wrong.append("/type: missing")
    if wrong:
        raise invalid(*in_slacks_words([f"/view{problem}" for problem in wrong]))
    return view


def _reply(call: Call, view: View) -> JSON:
    return {"view": call.payloads.view(view)}


def _refuse_stale(call: Call, view: View) -> None:
    if call.text("hash") and call.text("hash") != view.hash:
        raise SlackError("hash_conflict")


def _refuse_taken(call: Call, content: JSON) -> None:
    external_id = content.get("external_id")
    if external_id and call.workspace.view_by_external_id(external_id):
        raise SlackError("duplicate_external_id")
