"""*Show all*: from the button on a card to every row, page by page, filtered, and as a file."""

from tests.bot.slack.world import World


async def test_all_rows_are_one_button_away(ops: World) -> None:
    ana = ops.slack.person("ana")
    await ana.says("/ops wall bricks")
    card = await ana.sees("It is white.")
    assert "brick 9" in card.text_all
    assert "brick 10" not in card.text_all, "ten rows on a card"

    await ana.clicks("Show all", on=card)
    first = await ana.view("1 to 15 of 62")
    assert "brick 13" in first.text_all
    await ana.clicks("Next", on=first)
    assert "laid: 28" in (await ana.view("16 to 30 of 62")).text_all

    await ana.fills({"Show only what has this in it": "brick 5"})
    await ana.submits()
    found = await ana.view("1 to 11 of 11 that fit; 62 in all")
    assert "brick 59" in found.text_all
    assert "brick 60" not in found.text_all

    await ana.clicks("Send me the CSV", on=found)
    await ana.sees("Wall as CSV")
    file = await ana.sees("[Wall]", channel="@handrail")
    assert file.raw["files"][0]["name"] == "wall.csv"


async def test_nothing_that_fits_is_said(ops: World) -> None:
    ana = ops.slack.person("ana")
    await ana.says("/ops wall bricks")
    await ana.clicks("Show all", on=await ana.sees("It is white."))
    await ana.view("1 to 15 of 62")
    await ana.fills({"Show only what has this in it": "<!channel>"})
    await ana.submits()
    told = await ana.view("Nothing has")
    assert "&lt;!channel&gt;" in told.text_all
