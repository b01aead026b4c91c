"""All that one person sees, for a page that has just been opened."""

from sandbox import page_shapes
from sandbox.model import JSON, Channel
from sandbox.workspace import Workspace

_SHOWN = 500
"""The newest messages of a channel, those that only others see among them."""


def page_state(workspace: Workspace, as_person: str, *, connected: bool) -> JSON:
    visible = [c for c in workspace.channels.values() if c.visible_to(as_person)]
    home = workspace.homes.get(as_person)
    app = workspace.app
    return {
        "me": page_shapes.person(workspace.members[as_person]),
        "people": [page_shapes.person(member) for member in workspace.members.values()],
        "bot": {"id": app.bot_id, "user_id": app.bot_user_id, "name": app.name},
        "team": {"id": workspace.team_id, "name": workspace.team_name, "domain": workspace.domain},
        "commands": [
            {"command": c.command, "description": c.description, "usage_hint": c.usage_hint} for c in app.commands
        ],
        "shortcuts": [{"type": s.type, "name": s.name, "callback_id": s.callback_id} for s in app.shortcuts],
        "channels": [page_shapes.channel(c) for c in visible],
        "messages": {c.id: _messages(c, as_person) for c in visible},
        "views": [page_shapes.view(v) for v in workspace.modals.get(as_person, [])],
        "home": page_shapes.view(home) if home else None,
        "connected": connected,
        "rev": workspace.rev,
    }


def _messages(channel: Channel, as_person: str) -> list[JSON]:
    newest = list(channel.messages.values())[-_SHOWN:]
    return [page_shapes.message(m) for m in newest if m.ephemeral_to in (None, as_person)]
