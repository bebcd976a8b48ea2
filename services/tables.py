"""Every table there is, in one import: for Alembic and the tests."""

from services.alerts import models as alerts
from services.alerts import telling_models as telling
from services.audit import anchoring_models as anchoring
from services.audit import models as audit
from services.audit import tile_models as tiles
from services.capacity import models as capacity
from services.catalog import models as catalog
from services.community import models as community
from services.database import Row
from services.dispatch import desk_models as dispatch_desk
from services.dispatch import models as dispatch
from services.donations import models as donations
from services.donations import money_models as money
from services.files import models as files
from services.inventory import models as inventory
from services.journal import models as journal
from services.journal import stop_models as stops
from services.parties import changes
from services.parties import models as parties
from services.requests import models as requests
from services.requests.forecast import models as forecast
from services.requests.help import models as help_calls
from services.transport import models as transport
from services.transport import order_models as transfers
from services.transport import track_models as tracks

__all__ = [
    "Row",
    "alerts",
    "anchoring",
    "audit",
    "capacity",
    "catalog",
    "changes",
    "community",
    "dispatch",
    "dispatch_desk",
    "donations",
    "files",
    "forecast",
    "help_calls",
    "inventory",
    "journal",
    "money",
    "parties",
    "requests",
    "stops",
    "telling",
    "tiles",
    "tracks",
    "transfers",
    "transport",
]

metadata = Row.metadata
