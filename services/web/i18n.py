"""English and Chinese: catalogues are read from their .po files, so nothing has to be compiled."""

import gettext
import io
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from services.settings import get_settings

LANGUAGES = ("en", "zh")
# How each writes numbers and dates.
LOCALES = {"en": "en_GB", "zh": "zh_CN"}
_LOCALES = Path(__file__).parent / "locales"


def wall_zone() -> ZoneInfo:
    """The clock on the wall of those who read and fill in the pages; programs use UTC.

    The settings are read when they are needed: whoever only imports this can't stumble over them.
    """
    return get_settings().zone


@lru_cache
def translations(language: str) -> gettext.NullTranslations:
    """The catalogues of a language, as one; English is what the sources say.

    ``zh.po`` holds the pages' texts, ``zh.plans.po`` the sentences that explain plans.
    """
    found = gettext.NullTranslations()
    for path in sorted(_LOCALES.glob(f"{language}*.po")) if language in LANGUAGES else ():
        with path.open("rb") as source:
            catalogue = read_po(source, locale=language)
        compiled = io.BytesIO()
        write_mo(compiled, catalogue)
        compiled.seek(0)
        more = gettext.GNUTranslations(compiled)
        more.add_fallback(found)
        found = more
    return found


def preferred_language(accepted: str) -> str:
    """The language of ours that an Accept-Language header likes best; English where none is."""
    best, liking = LANGUAGES[0], 0.0
    for choice in accepted.lower().split(","):
        name, _, weight = choice.partition(";")
        language = name.strip().partition("-")[0]
        try:
            liked = float(weight.strip().removeprefix("q=") or 1)
        except ValueError:
            liked = 0.0
        if language in LANGUAGES and liked > liking:
            best, liking = language, liked
    return best


def language_of(path: str) -> str:
    """The language that a page's path begins with; English where it names none."""
    first = path.lstrip("/").partition("/")[0]
    return first if first in LANGUAGES else "en"


def to_gettext(text: str) -> str:
    """Mark a text for translation where it is written, to be translated where it is shown."""
    return text
