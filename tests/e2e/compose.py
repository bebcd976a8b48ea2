"""What docker-compose.yml says, for one's own machine: the same commands and environment."""

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
COMPOSE_FILE = ROOT / "docker-compose.yml"


class Compose:
    """The services of the file, with the containers' addresses put into this machine's terms.

    ``here`` maps what stands in the file to what holds here, such as a container's host and port
    to a loopback address; what is longest is replaced first.
    """

    def __init__(self, here: dict[str, str]) -> None:
        self._services = read_compose()["services"]
        self._here = sorted(here.items(), key=lambda pair: -len(pair[0]))

    def command(self, service: str) -> list[str]:
        """The arguments that the service's program is started with."""
        return [self._localise(each) for each in self._services[service]["command"]]

    def environment(self, service: str) -> dict[str, str]:
        found = self._services[service]["environment"]
        return {name: self._localise(value) for name, value in found.items()}

    def _localise(self, text: str) -> str:
        for there, here in self._here:
            text = text.replace(there, here)
        return text


def read_compose() -> dict[str, Any]:
    """The file as it is, anchors resolved."""
    document: dict[str, Any] = yaml.safe_load(COMPOSE_FILE.read_text(encoding="utf-8"))
    return document
