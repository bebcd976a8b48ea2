"""What one table of a scenario says of another: checked before anything is written."""

from services.catalog.service import BASE_UNIT
from services.donations.models import EarmarkKind
from services.scenarios.reader import FIRST_ROW, BadScenario, bad_cell
from services.scenarios.rows import DonationRow, MoneyGiftRow, ScenarioRow
from services.scenarios.scenario import Scenario
from services.scenarios.second_act.script import CommunityScript, Script

# In which table a value of second_act.toml must stand, by the name of its field.
_SCRIPT_TABLES = {
    "site": "sites",
    "origin": "sites",
    "destination": "sites",
    "to": "sites",
    "diverted_to": "sites",
    "item": "items",
    "donation": "donations",
    "carrier": "organisations",
    "region": "regions",
}
_EARMARK_TABLES = {
    EarmarkKind.SITE: "sites",
    EarmarkKind.REGION: "regions",
    EarmarkKind.ITEM: "items",
}


def check_scenario(scenario: Scenario) -> None:
    """Raise BadScenario at the first value that no other table knows or that contradicts one."""
    tables = dict(scenario.tables())
    known = {name: {getattr(row, row.key[0]) for row in rows} for name, rows in tables.items()}
    units = {(row.item, row.unit) for row in scenario.packs}
    units |= {(row.code, BASE_UNIT) for row in scenario.items}
    for name, rows in tables.items():
        for number, row in enumerate(rows, start=FIRST_ROW):
            file = f"{name}.csv"
            _check_references(file, number, row, known)
            _check_earmark(file, number, row, known)
            _check_unit(file, number, row, units)
    _check_region_tree(scenario)
    _check_acceptance(scenario)
    _check_changes(scenario)
    _check_order_of_days(scenario)
    _check_counts(scenario)
    _check_script(scenario.second_act, known)
    _check_second_act(scenario)
    _check_today(scenario)


def _check_references(
    file: str, number: int, row: ScenarioRow, known: dict[str, set[object]]
) -> None:
    for column, table in row.refs.items():
        value = getattr(row, column)
        if value is not None and value not in known[table]:
            raise bad_cell(file, number, column, value, f"name something that is in {table}.csv")


def _check_earmark(file: str, number: int, row: ScenarioRow, known: dict[str, set[object]]) -> None:
    if not hasattr(row, "earmark_kind"):
        return
    kind, target = row.earmark_kind, getattr(row, "earmark", None)
    if (kind is None) != (target is None):
        raise bad_cell(file, number, "earmark", target, "give both its kind and its target")
    if kind is not None and target not in known[_EARMARK_TABLES[kind]]:
        table = _EARMARK_TABLES[kind]
        raise bad_cell(file, number, "earmark", target, f"name something that is in {table}.csv")


def _check_unit(file: str, number: int, row: ScenarioRow, units: set[tuple[str, str]]) -> None:
    unit, item = getattr(row, "unit", None), getattr(row, "item", None)
    if file == "packs.csv" or unit is None or item is None:
        return
    if (item, unit) not in units:
        possible = ", ".join(sorted(known for of, known in units if of == item))
        raise bad_cell(file, number, "unit", unit, f"{item} is counted in: {possible}")


def _check_region_tree(scenario: Scenario) -> None:
    above: set[str] = set()
    for number, region in enumerate(scenario.regions, start=FIRST_ROW):
        if region.parent is not None and region.parent not in above:
            mend = "put the region that contains it into an earlier row"
            raise bad_cell("regions.csv", number, "parent", region.parent, mend)
        above.add(region.code)


def _check_acceptance(scenario: Scenario) -> None:
    with_lines = {line.donation for line in scenario.donation_lines}
    for number, donation in enumerate(scenario.donations, start=FIRST_ROW):
        if donation.key_ not in with_lines:
            mend = "give it a line in donation_lines.csv"
            raise bad_cell("donations.csv", number, "key", donation.key_, mend)
        _check_received_after("donations.csv", number, donation)
    for number, gift in enumerate(scenario.money_gifts, start=FIRST_ROW):
        _check_received_after("money_gifts.csv", number, gift)
    for number, line in enumerate(scenario.donation_lines, start=FIRST_ROW):
        if line.accepted > line.quantity:
            mend = f"take in at most the {line.quantity} that were given"
            raise bad_cell("donation_lines.csv", number, "accepted", line.accepted, mend)
        if line.accepted < line.quantity and not line.note:
            mend = "say why fewer were taken in"
            raise bad_cell("donation_lines.csv", number, "note", line.note, mend)


def _check_received_after(file: str, number: int, row: DonationRow | MoneyGiftRow) -> None:
    if row.received_at < row.given_at:
        received = row.received_at.isoformat()
        raise bad_cell(file, number, "received_at", received, "give a time after it was given")


def _check_changes(scenario: Scenario) -> None:
    needs = {(need.site, need.item): need for need in scenario.needs}
    for number, change in enumerate(scenario.need_changes, start=FIRST_ROW):
        need = needs.get((change.site, change.item))
        if need is None:
            mend = f"{change.site} has no such need in needs.csv"
            raise bad_cell("need_changes.csv", number, "item", change.item, mend)
        if change.at <= need.posted_at:
            mend = "give a time after the need was posted"
            raise bad_cell("need_changes.csv", number, "at", change.at.isoformat(), mend)


def _check_order_of_days(scenario: Scenario) -> None:
    days = set(scenario.days())
    for number, run in enumerate(scenario.runs, start=FIRST_ROW):
        if run.day not in days:
            mend = f"give a day from {min(days)} to {max(days)}"
            raise bad_cell("runs.csv", number, "day", run.day.isoformat(), mend)


def _check_counts(scenario: Scenario) -> None:
    reported = {(row.site, row.day) for row in scenario.daily_reports}
    for number, row in enumerate(scenario.daily_stock, start=FIRST_ROW):
        if (row.site, row.day) not in reported:
            mend = f"give {row.site} a row of this day in daily_reports.csv"
            raise bad_cell("daily_stock.csv", number, "day", row.day.isoformat(), mend)


def _check_script(script: Script, known: dict[str, set[object]]) -> None:
    for name, act in script:
        for field, value in act:
            table = _SCRIPT_TABLES.get(field)
            if table is not None and value not in known[table]:
                raise _slip(f"{name}.{field}", value, f"name something that is in {table}.csv")


def _check_second_act(scenario: Scenario) -> None:
    script = scenario.second_act
    lines = {(row.donation, row.line) for row in scenario.donation_lines}
    for name in ("diversion", "community", "recall"):
        act = getattr(script, name)
        if (act.donation, act.line) not in lines:
            raise _slip(f"{name}.line", act.line, f"name a line of {act.donation}")
    if all(row.site != script.forecast.site for row in scenario.daily_reports):
        raise _slip("forecast.site", script.forecast.site, "name a site of daily_reports.csv")
    _check_households(script.community)


def _check_households(script: CommunityScript) -> None:
    if script.served < script.second_tries:
        mend = "let as many come for their pieces as try a second time"
        raise _slip("community.second_tries", script.second_tries, mend)
    if script.supplied < script.households * script.pieces:
        mend = f"supply {script.households * script.pieces} pieces or more"
        raise _slip("community.supplied", script.supplied, mend)


def _check_today(scenario: Scenario) -> None:
    """Who calls, and where from and to; what they say is left to the API."""
    today, file = scenario.today, "today.toml"
    sites = {site.code for site in scenario.sites}
    places = {"expects_a_shipment": today.expects_a_shipment, "point.origin": today.point.origin}
    for field, site in places.items():
        if site not in sites:
            raise _slip(field, site, "name something that is in sites.csv", file)
    accounts = {user.username for user in scenario.users}
    accounts.add(scenario.second_act.community.username)
    for part in ("before", "after"):
        for number, call in enumerate(getattr(today, part)):
            if call.by is not None and call.by not in accounts:
                raise _slip(f"{part}.{number}.as", call.by, "name an account of users.csv", file)


def _slip(field: str, value: object, mend: str, file: str = "second_act.toml") -> BadScenario:
    return BadScenario(
        f"{file}, {field}: {value!r} can't be: {mend}",
        field=f"{file}:{field}",
        value=value,
        mend=mend,
    )
