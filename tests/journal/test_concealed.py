"""Personal fields: committed to in the bytes, never written there, erased for good."""

import pytest
import sqlalchemy as sa

from ledger.canonical import parse
from ledger.disclosure import DisclosureRefused, conceal, verify_disclosure
from services.database import Database
from services.journal.models import EntrySecret
from services.journal.post import EntryIdReused, post
from services.journal.verify import check_journal
from tests.journal.drafts import reservation
from tests.world import stock

PERSON = {"contact": "张伟", "phone": "+86 27 5555 0101"}


def test_hidden_fields_open_the_digests_and_stand_nowhere_in_the_bytes(database: Database) -> None:
    with database.transaction() as session:
        entry = post(session, reservation(stock(session), 5, concealed=PERSON)).entry
        secret = session.get_one(EntrySecret, entry.id)
        record_key, fields = secret.record_key, secret.fields
    for name, value in PERSON.items():
        assert value.encode() not in entry.body
        assert name.encode() not in entry.body
    digests = parse(entry.body)["_sd"]
    assert isinstance(digests, list)
    opened = [
        verify_disclosure(text, [str(one) for one in digests])
        for text in conceal(record_key, fields).disclosures.values()
    ]
    assert dict(opened) == PERSON
    forged = conceal(record_key, {"contact": "someone else"}).disclosures["contact"]
    with pytest.raises(DisclosureRefused):
        verify_disclosure(forged, [str(one) for one in digests])


def test_the_same_field_twice_has_other_digests(database: Database) -> None:
    with database.transaction() as session:
        lot = stock(session)
        first, second = (
            parse(post(session, reservation(lot, 5, concealed=PERSON)).entry.body)["_sd"]
            for _ in range(2)
        )
    assert isinstance(first, list)
    assert isinstance(second, list)
    assert not set(map(str, first)) & set(map(str, second))


def test_a_replay_with_other_hidden_fields_is_another_content(database: Database) -> None:
    with database.transaction() as session:
        first = reservation(stock(session), 5, concealed=PERSON)
        post(session, first)
        assert not post(session, first).created
        with pytest.raises(EntryIdReused):
            post(session, reservation(first.moves[0].lot_id, 5, id=first.id, concealed={"a": "b"}))


def test_erasing_a_secret_leaves_the_journal_clean_and_replays_working(database: Database) -> None:
    with database.transaction() as session:
        first = reservation(stock(session), 5, concealed=PERSON)
        post(session, first)
    with database.engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM entry_secret"))
    with database.transaction() as session:
        assert list(check_journal(session)) == []
    with database.transaction() as session:
        assert not post(session, first).created
