"""Typed settings: the only reader of the environment."""

from functools import lru_cache
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, NonNegativeInt, PositiveInt, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from ledger.checkpoint import WitnessKey

PROJECT_ROOT = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """Everything that differs between a laptop and a ministry; each is ``MEDRELAY_<NAME>``."""

    model_config = SettingsConfigDict(env_prefix="MEDRELAY_", frozen=True)

    data_dir: Path = Field(
        default=Path(".medrelay"),
        description="Folder of the embedded server, the embedded chain and the keys.",
    )
    database_url: str | None = Field(
        default=None,
        description="postgresql+psycopg://… of an own server; unset: the embedded one.",
    )
    chain_url: str | None = Field(
        default=None, description="JSON-RPC of an Ethereum node; unset: the embedded chain."
    )
    chain_timeout_s: PositiveInt = 10
    chain_confirmations: NonNegativeInt | Literal["finalized"] = Field(
        default=12,
        description="Blocks above a node's block until it counts as final; or `finalized`: the "
        "node's own word. The embedded chain's blocks are final at once.",
    )
    submitter_key: SecretStr | None = Field(
        default=None, description="64 hex digits that sign transactions; unset: a file."
    )
    log_key: SecretStr | None = Field(
        default=None, description="64 hex digits that sign checkpoints; unset: a file."
    )
    community_key: SecretStr | None = Field(
        default=None,
        description="64 hex digits that residents' identities are hashed with; unset: a file. "
        "Processes on several machines need the same.",
    )
    chain_contract: str | None = Field(
        default=None, description="The log contract's address, which `verify` asks and no other."
    )
    log_vkey: str | None = Field(
        default=None, description="The log's verifier key, which `verify` checks checkpoints with."
    )
    witness_keys: tuple[str, ...] = Field(
        default=(),
        description='Keys of the witnesses whose cosignatures are kept, as JSON: ["name+id+key"].',
    )
    log_origin: str = Field(
        default="medrelay.local/relief",
        description="Name of this transparency log; stands in every record and checkpoint.",
    )
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65535)
    jobs_in_server: bool = Field(
        default=True,
        description="Run the durable jobs inside `serve`; false where `work` processes run.",
    )
    anchor_every_s: PositiveInt = 2
    watch_every_s: PositiveInt = Field(
        default=60, description="How often the desks are looked at for what needs attention."
    )
    approval_threshold_pieces: int = Field(
        default=0, ge=0, description="Plans above this many pieces need a second person."
    )
    count_again_above_pieces: int = Field(
        default=100,
        ge=0,
        description="A count that is further off waits for a second person's before it is posted.",
    )
    expiry_warning_days: PositiveInt = Field(
        default=60, description="How long before a lot on a shelf expires somebody is told."
    )
    nightly_run_hour: int | None = Field(
        default=None,
        ge=0,
        le=23,
        description="From this hour on, by the clock of the time zone, a day's run is started "
        "by itself and proposes a plan; unset: never.",
    )
    solve_time_limit_s: PositiveInt | None = Field(
        default=None,
        description="A run that takes longer ends with the best plan so far, marked as stopped.",
    )
    solve_processes: PositiveInt = Field(
        default=2,
        description="Processes in which each worker solves parts; give all workers the same.",
    )
    parts_queued_from_bytes: int = Field(
        default=2**20,
        ge=0,
        description="A run whose parts are smaller together is solved in one go, without queueing.",
    )
    need_life_stat_h: PositiveInt = 24
    need_life_asap_h: PositiveInt = 48
    need_life_urgent_h: PositiveInt = 72
    need_life_routine_h: PositiveInt = 168
    gs1_company_prefix: str = Field(
        default="9521234",
        pattern=r"^[0-9]{4,12}$",
        description="The company prefix licensed from GS1, for numbers of pallets and parcels "
        "(SSCC); 952 is GS1's own, for examples.",
    )
    plan_with_observed_days: bool = Field(
        default=False,
        description="Plan with how long a lane's last deliveries took, where that is longer "
        "than what its carrier states.",
    )
    public_url: str | None = Field(
        default=None,
        pattern=r"^https?://[A-Za-z0-9.\-:\[\]]+(/[A-Za-z0-9._~/\-]*)?$",
        description="Where people reach the pages; links in messages begin with it.",
    )
    smtp_host: str | None = Field(
        default=None, description="The server that takes our mail; unset: no mail is sent."
    )
    smtp_port: int = Field(default=587, ge=1, le=65535)
    smtp_user: str | None = None
    smtp_password: SecretStr | None = None
    smtp_from: str = Field(
        default="medrelay@localhost",
        pattern=r"^[!-?A-~]+@[!-?A-~]+$",
        description="The address that mail comes from.",
    )
    smtp_starttls: bool = Field(default=True, description="Turn to TLS first, or send nothing.")
    smtp_implicit_tls: bool = Field(
        default=False, description="Speak TLS from the first byte (RFC 8314), as on port 465."
    )
    webhook_key: SecretStr | None = Field(
        default=None,
        description="64 hex digits that webhooks' secrets follow from; unset: a file. "
        "Processes on several machines need the same.",
    )
    webhook_private_addresses: bool = Field(
        default=False, description="Let webhooks go to addresses inside one's own network."
    )
    webhook_plain_loopback: bool = Field(
        default=False, description="Let webhooks go to this very machine, without TLS."
    )
    webhook_days_until_disabled: PositiveInt = Field(
        default=3, description="A webhook that fails for so long is disabled."
    )
    deliver_every_s: PositiveInt = Field(
        default=5, description="How often mail and webhooks are looked after."
    )
    outbox_days: PositiveInt = Field(
        default=30,
        description="How long messages that were sent are kept, once their alert is over.",
    )
    session_hours: PositiveInt = 12
    help_calls_a_minute: PositiveInt = Field(
        default=10,
        description="How many calls for help are taken from one address within a minute, by each "
        "process. Behind a proxy, FORWARDED_ALLOW_IPS has to name it.",
    )
    dump_readers: PositiveInt = Field(
        default=4, description="How many may read the whole log at once, from each process."
    )
    time_zone: str = Field(
        default="Asia/Shanghai",
        description="Where the goods are (IANA): decides on which day a moment falls.",
    )

    @field_validator("witness_keys")
    @classmethod
    def _are_witnesses(cls, vkeys: tuple[str, ...]) -> tuple[str, ...]:
        for vkey in vkeys:
            WitnessKey.decode(vkey)
        return vkeys

    @field_validator("time_zone")
    @classmethod
    def _is_known(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError("name a zone of the IANA database, such as Asia/Shanghai") from error
        return name

    @property
    def pages_url(self) -> str:
        """Where the pages are, without a slash at the end."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)


@lru_cache
def get_settings() -> Settings:
    """Read the settings once; a process has one environment."""
    return Settings()
