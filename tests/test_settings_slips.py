"""A slip in the environment is told in a line, and every setting in the operators' page."""

import os
import subprocess
import sys

from services.settings import PROJECT_ROOT, Settings


def test_a_setting_that_cannot_be_is_named_without_a_traceback() -> None:
    run = subprocess.run(
        [sys.executable, "-c", "from services.cli import main; main()", "serve"],
        env=os.environ | {"MEDRELAY_PORT": "abc"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 2
    assert run.stdout.startswith("MEDRELAY_PORT: ")
    assert "Traceback" not in run.stderr


def test_every_setting_is_told_of_in_the_operators_page() -> None:
    told = (PROJECT_ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    assert [
        name for name in Settings.model_fields if f"`MEDRELAY_{name.upper()}`" not in told
    ] == []
