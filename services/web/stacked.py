"""On a narrow screen each row of a table becomes a card, so each cell says its column's name.

Done once for all pages, after rendering: templates stay plain tables, and the style sheet shows
``data-label`` only where there is no room for the columns side by side.
"""

import re

_TABLE = re.compile(r"<table\b.*?</table>", re.DOTALL)
_HEAD = re.compile(r"<thead\b.*?</thead>", re.DOTALL)
_HEADING = re.compile(r"<th\b[^>]*>(.*?)</th>", re.DOTALL)
_BODY = re.compile(r"<tbody\b.*?</tbody>", re.DOTALL)
_START = re.compile(r"<(tr|td|th)\b([^>]*)>")
_TAG = re.compile(r"<[^>]*>")


def name_cells(html: str) -> str:
    """The page with ``data-label`` on every cell whose column has a name.

    A row's own heading (``th``) gets none: it is the card's title.
    """
    return _TABLE.sub(lambda table: _named(table[0]), html)


def _named(table: str) -> str:
    head = _HEAD.search(table)
    names = [_plain(each) for each in _HEADING.findall(head[0])] if head else []
    return _BODY.sub(lambda body: _named_rows(body[0], names), table)


def _named_rows(body: str, names: list[str]) -> str:
    column = -1

    def named(start: re.Match[str]) -> str:
        nonlocal column
        tag, attributes = start.groups()
        column = -1 if tag == "tr" else column + 1
        name = names[column] if tag == "td" and column < len(names) else ""
        if not name or "data-label=" in attributes:
            return start[0]
        return f'<{tag}{attributes} data-label="{name}">'

    return _START.sub(named, body)


def _plain(heading: str) -> str:
    """A heading's words, fit for an attribute: rendered, so already escaped but for quotes."""
    return " ".join(_TAG.sub("", heading).split()).replace('"', "&#34;")
