"""A report, or an answer to one person, as a message. Pure."""

from collections.abc import Sequence

from bot.slack.views.kit import SECTION, Block, File, Message, actions, button, context, fields, message, section
from bot.slack.views.text import DASH, Names, code, cut, escape, line, mention, paragraph, plain, shown, when
from bot.tell.sheet import csv_of
from bot.words.redaction import Redactor
from bot.words.report import Fact, Line, PersonId, Report, Status, Suggestion, Table
from bot.words.request import Answer

MOST_LINES = 30
MOST_LINE_BLOCKS = 34
"""Blocks of all lines: fifty hold them with facts, a table, notes and buttons. Past fifty a line would go while its
buttons stayed, under another one."""
MOST_FACTS = 20
FACTS_ROOM, LINES_ROOM, TABLE_ROOM = 2500, 4000, 2 * SECTION
"""Characters; all of them with title and notes fit into one message."""
MOST_SUGGESTIONS = 10
MOST_CHOICES = 5
MOST_NOTES = 6
DETAIL = 2000
ONE_LINE = 40
"""Characters of a short item, beside which its facts fit."""
MOST_BESIDE = 15
"""Rows of a table shown beside lines; a longer one is for the file, since the lines are what it comes to."""
WIDE = 76
"""Characters of one monospaced line before Slack breaks it on a laptop."""
WIDEST = 48
"""Characters of one table cell; the file has them whole."""
VALUE = 2000
"""Characters that a button can carry."""

_WORDS = {status: "ok" if status is Status.OK else f"*{status.upper()}*" for status in Status}


def report_message(report: Report, names: Names, *, share: str = "", shared_by: PersonId | None = None) -> Message:
    """`share` holds the words that a *Share* button types again, openly; empty for none."""
    buttons = _Numbered()
    blocks = [section(_title(report))]
    facts, left_out = _facts(report.facts, FACTS_ROOM)
    lines, more = _lines(report.lines, buttons, LINES_ROOM)
    left_out += more
    blocks += [*facts, *lines]
    if report.table is not None:
        if report.lines and len(report.table.rows) > MOST_BESIDE:
            left_out += len(report.table.rows)
        else:
            table, more = _table(report.table, names, TABLE_ROOM if not report.lines else SECTION)
            left_out += more
            blocks += table
    if report.secret:
        blocks.append(section(f"```{escape(report.secret)}```"))
    left_out += max(0, len([note for note in report.notes if note]) - MOST_NOTES)
    if left_out:
        blocks.append(context(f"{left_out} more in the file."))
    blocks += _notes(report, shared_by)
    blocks += actions([*buttons.of(report.suggestions), *_share(share, report)], "suggestions")
    told = " ".join(filter(None, (line(report.title, 200), line(report.lead, 500))))
    return message(told or "Done.", blocks, _file(report, names, whole=not left_out), report.chart)


def _file(report: Report, names: Names, *, whole: bool) -> File | None:
    """The table as CSV where that was asked for; everything where the blocks are only a part of it."""
    if report.table is None or not report.table.csv:
        return None if whole else whole_report(report, names)
    return File(f"{_name(report)}.csv", cut(report.title, 150) or DASH, csv_of(report.table, names))


class _Numbered:
    """Action ids are numbered through the message."""

    def __init__(self) -> None:
        self._count = 0

    def of(self, suggestions: Sequence[Suggestion]) -> list[Block]:
        """A button's value is typing for the person who presses it: judged at the click like any other words."""
        made = []
        for suggestion in suggestions[:MOST_SUGGESTIONS]:
            if suggestion.words and len(suggestion.words) <= VALUE:
                made.append(button(suggestion.label, f"say:{self._count}", suggestion.words))
                self._count += 1
        return made


def _share(words: str, report: Report) -> list[Block]:
    return [button("Share", "share", words)] if words and len(words) <= VALUE and not report.secret else []


def _title(report: Report) -> str:
    status = f"{_WORDS[report.status]} " if report.status else ""
    lead = f"\n{status}{paragraph(report.lead, 1200)}" if report.lead else ""
    return f"*{line(report.title, 300)}*{lead or (f' {status}' if status else '')}"


def _facts(facts: Sequence[Fact], room: int) -> tuple[list[Block], int]:
    pairs: list[tuple[str, str]] = []
    for fact in facts[:MOST_FACTS]:
        pairs.append((line(fact.label, 80), shown(fact.value, 500)))
        room -= sum(map(len, pairs[-1]))
        if room < 0 and len(pairs) > 1:
            pairs.pop()
            break
    return fields(pairs), len(facts) - len(pairs)


def _lines(lines: Sequence[Line], buttons: _Numbered, room: int) -> tuple[list[Block], int]:
    """A line with a button is a block of its own; the others share one while they fit."""
    blocks: list[Block] = []
    joined = ""
    cut_short = sum(len(item.detail) > DETAIL for item in lines)
    for place, item in enumerate(lines):
        text = _line(item)
        room -= len(text)
        if place >= MOST_LINES or len(blocks) > MOST_LINE_BLOCKS - 3 or (room < 0 and place):
            return [*blocks, *([section(joined)] if joined else [])], len(lines) - place
        own = buttons.of(item.suggestions)
        if joined and (own or len(joined) + len(text) + 1 > SECTION):
            blocks.append(section(joined))
            joined = ""
        if not own:
            joined = f"{joined}\n{text}" if joined else text
        else:
            blocks.append(section(text, own[0] if len(own) == 1 else None))
            blocks += actions(own) if len(own) > 1 else []
    return [*blocks, *([section(joined)] if joined else [])], cut_short


def _line(item: Line) -> str:
    status = f"{_WORDS[item.status]}  " if item.status else ""
    detail = paragraph(item.detail, DETAIL)
    multiline = "\n" in detail
    head = f"{status}*{line(item.text, 500)}*"
    parts = [f"{head}  {detail}" if detail and not multiline else head]
    if multiline:
        parts.append(detail)
    facts = " · ".join(f"{line(fact.label, 80)} {shown(fact.value)}".strip() for fact in item.facts)
    if facts and not detail and len(item.text) <= ONE_LINE:
        return f"{head}  {facts}"
    return "\n".join([*parts, facts] if facts else parts)


def _table(table: Table, names: Names, room: int) -> tuple[list[Block], int]:
    """Monospaced, which every client shows."""
    rows = [[cut(plain(cell, names), WIDEST) for cell in row] for row in table.rows]
    columns = [cut(" ".join(column.split()), WIDEST) for column in table.columns]
    if not rows:
        return [], 0
    widths = [max(len(row[at]) for row in [columns, *rows] if at < len(row)) for at in range(len(columns))]
    if sum(widths) + 2 * len(widths) > WIDE:
        return _sentences(table, room)
    head = f"{_padded(columns, widths)}\n{'  '.join('─' * width for width in widths)}"
    blocks: list[Block] = []
    text = escape(head)
    for place, row in enumerate(rows):
        shown_row = escape(_padded(row, widths)).replace("```", "'''")
        if len(text) + len(shown_row) > SECTION - 20:
            blocks.append(section(f"```{text}```"))
            if len(blocks) * SECTION >= room:
                return blocks, len(rows) - place
            text = shown_row
        else:
            text = f"{text}\n{shown_row}"
    return [*blocks, section(f"```{text}```")], 0


def _sentences(table: Table, room: int) -> tuple[list[Block], int]:
    """A row a line, with times in the reader's zone: monospaced it would break in the middle of its columns."""
    told = [f"_{' · '.join(line(column, 60) for column in table.columns)}_"]
    for row in table.rows:
        first, *rest = (shown(cell, 200) for cell in row)
        told.append(" · ".join([f"*{first}*", *(cell for cell in rest if cell != DASH)]))
    blocks: list[Block] = []
    text = told[0]
    for place, said in enumerate(told[1:]):
        if len(text) + len(said) + 1 > SECTION:
            blocks.append(section(text))
            if len(blocks) * SECTION >= room:
                return blocks, len(table.rows) - place
            text = said
        else:
            text = f"{text}\n{said}"
    return [*blocks, section(text)], 0


def _padded(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=False)).rstrip()


def _notes(report: Report, shared_by: PersonId | None) -> list[Block]:
    told = [paragraph(note, 300) for note in report.notes if note][:MOST_NOTES]
    if report.taken_at:
        told.append(f"As of {when(report.taken_at)}")
    if shared_by:
        told.append(f"Shared by {mention(shared_by)}")
    return [context(*told)] if told else []


def whole_report(report: Report, names: Names) -> File:
    """Everything but the secret, as plain text."""
    told = [report.title]
    told += [" ".join(filter(None, (report.status.upper() if report.status else "", report.lead)))]
    told += [_fact(fact, names) for fact in report.facts]
    for item in report.lines:
        told += ["", " ".join(filter(None, (item.status.upper() if item.status else "", item.text, item.detail)))]
        told += [f"  {_fact(fact, names)}" for fact in item.facts]
    if report.table is not None:
        rows = [[plain(cell, names) for cell in row] for row in report.table.rows]
        told += ["", "\t".join(report.table.columns), *("\t".join(row) for row in rows)]
    told += ["", *report.notes]
    return File(f"{_name(report)}.txt", cut(report.title, 150) or DASH, "\n".join(told).strip() + "\n")


def _name(report: Report) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in report.title.lower())[:60] or "report"


def _fact(fact: Fact, names: Names) -> str:
    return f"{fact.label}: {plain(fact.value, names)}"


def answer_message(answer: Answer) -> Message:
    """What one person is told, and the button that takes them on."""
    told = paragraph(answer.text, 2500)
    buttons = _Numbered().of(answer.choices[:MOST_CHOICES])
    if answer.hint and (not buttons or len(buttons) < len(answer.choices)):
        told += f"\nType {code(f'/ops {answer.hint}')}"
    if answer.form:
        buttons.append(button("Open form", "open_form", answer.form))
    if answer.again:
        buttons.append(button("Ask again anyway", "ask_again", answer.again))
        buttons.append(button(f"Show {answer.again}", "show", answer.again))
    return message(told, [section(told), *actions(buttons, "answer")])


def words_message(text: str) -> Message:
    """One sentence of ours."""
    return answer_message(Answer(text=text))


def redacted(report: Report, redactor: Redactor) -> Report:
    """All but its `secret`, which is for the asker's eyes."""
    clean = redactor.json(report.model_dump(mode="json", exclude={"secret"}))
    return Report.model_validate({**clean, "secret": report.secret})
