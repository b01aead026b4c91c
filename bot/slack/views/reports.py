"""A report, or an answer to one person, as a message. Pure."""

from collections.abc import Sequence
from datetime import datetime

from bot.slack.views.kit import (
    MARKS,
    SECTION,
    Block,
    File,
    Message,
    actions,
    button,
    context,
    fields,
    message,
    overflow,
    section,
)
from bot.slack.views.tables import monospaced, table_block
from bot.slack.views.text import (
    DASH,
    Names,
    code,
    cut,
    escape,
    line,
    mention,
    paragraph,
    plain,
    plain_sentence,
    sentence,
    shown,
    when,
)
from bot.tell.sheet import csv_of
from bot.words.redaction import Redactor
from bot.words.report import Fact, Folded, Line, PersonId, Report, Status, Suggestion
from bot.words.request import Answer

MOST_LINES = 30
MOST_LINE_BLOCKS = 34
"""Blocks of all lines: fifty hold them with facts, a table, notes and buttons."""
MOST_FACTS = 20
FACTS_ROOM, LINES_ROOM = 2500, 4000
"""Characters; all of them with headline, table and notes fit into one message."""
MOST_SUGGESTIONS = 10
MOST_CHOICES = 5
MOST_NOTES = 6
MOST_FOLDED = 12
DETAIL = 2000
HEADLINE = 150
"""Characters that are set in bold at most: the first sentence of what is longer."""
VALUE = 2000
"""Characters that a button can carry."""
MENU_VALUE = 150
"""Characters that an item of a menu can carry."""


def report_message(
    report: Report,
    names: Names,
    *,
    share: str = "",
    shared_by: PersonId | None = None,
    words: str = "",
    now: datetime | None = None,
) -> Message:
    """`share` holds the words that a *Share* button types again, openly, and `words` those behind *Show all*; empty for
    none. What does not fit is a file where nothing can be asked again.
    """
    now = report.taken_at or now
    whole = bool(words) and len(words) <= VALUE and not report.secret
    buttons = _Numbered()
    facts, left_out = _facts(report.facts, FACTS_ROOM, now)
    lines, more = _lines(report.lines, buttons, LINES_ROOM, now)
    left_out += more
    above = [section(_headline(report)), *facts, *lines]
    if report.secret:
        above.append(section(f"```{escape(report.secret)}```"))
    if report.well is not None:
        above.append(_folded(report.well, words if whole else ""))
    table: list[Block] = []
    instead: list[Block] = []
    if report.table is not None:
        table, more = table_block(report.table, names, now)
        instead, _ = monospaced(report.table, names)
        left_out += more
    left_out += max(0, len([note for note in report.notes if note]) - MOST_NOTES)
    rows = len(report.table.rows) if report.table is not None and not report.lines else 0
    show_all = [button(f"Show all {rows or ''}".strip(), "all", words)] if left_out and whole else []
    below = [context(f"{left_out:,} more in the file.")] if left_out and not whole else []
    below += _notes(report, shared_by, now)
    below += actions([*show_all, *buttons.of(report.suggestions), *_share(share, report)], "suggestions")
    told = line(report.lead or report.title, 500)
    return message(
        told or "Done.",
        [*above, *table, *below],
        _file(report, names, whole=whole or not left_out),
        report.chart,
        [*above, *instead, *below] if table else (),
    )


def _file(report: Report, names: Names, *, whole: bool) -> File | None:
    """The table as CSV where that was asked for; everything where the blocks are only a part of it."""
    if report.table is None or not report.table.csv:
        return None if whole else whole_report(report, names)
    return csv_file(report, names)


def csv_file(report: Report, names: Names) -> File | None:
    if report.table is None:
        return None
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
                made.append(button(suggestion.label, self._id(), suggestion.words))
        return made

    def beside(self, suggestions: Sequence[Suggestion]) -> Block | None:
        """The one control that a row has: a button, or a menu where there are several next steps."""
        fit = [(each.label, each.words) for each in suggestions if 0 < len(each.words) <= MENU_VALUE]
        distinct = list({words: (label, words) for label, words in fit}.values())
        if len(distinct) > 1:
            return overflow(self._id(), distinct)
        return next(iter(self.of(suggestions[:1])), None)

    def _id(self) -> str:
        self._count += 1
        return f"say:{self._count - 1}"


def _share(words: str, report: Report) -> list[Block]:
    return [button("Share", "share", words)] if words and len(words) <= VALUE and not report.secret else []


def _headline(report: Report) -> str:
    """The answer in bold, behind its mark; what a longer one says after its first sentence is set as usual."""
    first, rest = report.lead.strip() or report.title, ""
    if "\n" in first:
        first, _, rest = first.partition("\n")
    if len(first) > HEADLINE and ". " in first:
        first, _, more = first.partition(". ")
        first, rest = f"{first}.", f"{more}\n{rest}".strip()
    mark = f"{MARKS[report.status]} " if report.status else ""
    below = f"\n{paragraph(rest, 1200)}" if rest else ""
    return f"{mark}*{line(first, 500)}*{below}"


def _facts(facts: Sequence[Fact], room: int, now: datetime | None) -> tuple[list[Block], int]:
    pairs: list[tuple[str, str]] = []
    for fact in facts[:MOST_FACTS]:
        pairs.append((line(fact.label, 80), shown(fact.value, 500, now)))
        room -= sum(map(len, pairs[-1]))
        if room < 0 and len(pairs) > 1:
            pairs.pop()
            break
    return fields(pairs), len(facts) - len(pairs)


def _lines(lines: Sequence[Line], buttons: _Numbered, room: int, now: datetime | None) -> tuple[list[Block], int]:
    """A row with a next step is a block of its own; the others share one while they fit."""
    blocks: list[Block] = []
    joined = ""
    cut_short = sum(isinstance(item.detail, str) and len(item.detail) > DETAIL for item in lines)
    for place, item in enumerate(lines):
        text = line_text(item, now)
        room -= len(text)
        if place >= MOST_LINES or len(blocks) > MOST_LINE_BLOCKS - 3 or (room < 0 and place):
            return [*blocks, *([section(joined)] if joined else [])], len(lines) - place
        own = buttons.beside(item.suggestions)
        if joined and (own or len(joined) + len(text) + 1 > SECTION):
            blocks.append(section(joined))
            joined = ""
        if own is None:
            joined = f"{joined}\n{text}" if joined else text
        else:
            blocks.append(section(text, own))
    return [*blocks, *([section(joined)] if joined else [])], cut_short


def line_text(item: Line, now: datetime | None) -> str:
    """`:red_circle: *payments-api*  down: 503 from /health`: never a mark without its word."""
    detail = sentence(item.detail, DETAIL, now)
    head = f"*{line(item.text, 500)}*"
    if item.status is not None:
        head = f"{MARKS[item.status]} {head}"
        detail = _with_word(item, detail)
    return f"{head}\n{detail}" if "\n" in detail else f"{head}  {detail}" if detail else head


def _with_word(item: Line, detail: str) -> str:
    word = word_of(item)
    if not detail or detail.casefold().startswith(word.casefold()):
        return detail or word
    return f"{line(word, 80)}:\n{detail}" if "\n" in detail else f"{line(word, 80)}: {detail}"


def word_of(item: Line) -> str:
    return item.word or (item.status.word if item.status else "")


def _folded(well: Folded, words: str) -> Block:
    """`:large_green_circle: *17 healthy:* apollo, backoffice, ci …`"""
    told = f"{MARKS[Status.OK]} *{line(folded_words(well), 80)}:* {line(folded_names(well), 400)}"
    told += f"\n{line(well.remark, 300)}" if well.remark else ""
    return section(told, button("Show all", "all:well", words) if words and well.table else None)


def folded_words(well: Folded) -> str:
    return f"{len(well.names):,} {well.word}"


def folded_names(well: Folded) -> str:
    left_out = len(well.names) - MOST_FOLDED
    return ", ".join(well.names[:MOST_FOLDED]) + (f" and {left_out} more" if left_out > 0 else "")


def _notes(report: Report, shared_by: PersonId | None, now: datetime | None) -> list[Block]:
    told = [paragraph(note, 300) for note in report.notes if note][:MOST_NOTES]
    small = [line(report.title, 150)] if report.lead else []
    if report.taken_at:
        small.append(when(report.taken_at, now, "as of"))
    told += [", ".join(small)] if small else []
    told += [f"Shared by {mention(shared_by)}"] if shared_by else []
    return [context(*told)] if told else []


def whole_report(report: Report, names: Names) -> File:
    """Everything but the secret, as plain text."""
    told = [report.title]
    told += [" ".join(filter(None, (report.status.upper() if report.status else "", report.lead)))]
    told += [_fact(fact, names) for fact in report.facts]
    for item in report.lines:
        word = word_of(item).upper()
        told += ["", " ".join(filter(None, (word, item.text, plain_sentence(item.detail, names))))]
    if report.well is not None:
        told += ["", f"{folded_words(report.well)}: {', '.join(report.well.names)}", report.well.remark]
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
