"""English and Chinese: catalogues are read from their .po files, so nothing has to be compiled."""

import gettext
import io
from functools import lru_cache
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from services.settings import get_settings

LANGUAGES = ("en", "zh")
# The clock on the wall of those who read and fill in the pages; programs use UTC.
ZONE = get_settings().zone
_LOCALES = Path(__file__).parent / "locales"


@lru_cache
def translations(language: str) -> gettext.NullTranslations:
    """The catalogue of a language; English is what the sources say."""
    path = _LOCALES / f"{language}.po"
    if language not in LANGUAGES or not path.exists():
        return gettext.NullTranslations()
    with path.open("rb") as source:
        catalogue = read_po(source, locale=language)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def language_of(path: str) -> str:
    """The language that a page's path begins with; English where it names none."""
    first = path.lstrip("/").partition("/")[0]
    return first if first in LANGUAGES else "en"


def to_gettext(text: str) -> str:
    """Mark a text for translation where it is written, to be translated where it is shown."""
    return text
