"""A slip in the environment is told in a line, whichever command stumbles over it."""

import os
import subprocess
import sys


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
