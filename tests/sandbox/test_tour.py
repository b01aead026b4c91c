"""What the README opens with: the whole demo, and the conversation that the tour plays in it."""

from io import StringIO

from rich.console import Console

from ops.demo import demo
from ops.tour import play


async def test_the_tour_comes_to_its_end() -> None:
    told = StringIO()
    async with demo() as scene:
        await play(scene.slack, Console(file=told, width=160), None)
        assert scene.world.n8n.done("retry")
    for line in ("Health", "Errors", "Not counted", "Undo takes it off the allow-list again", "Audit trail"):
        assert line in told.getvalue()
