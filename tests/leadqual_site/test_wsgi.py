"""What a web process has ready before its first request."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_views_are_imported_before_the_first_request() -> None:
    asks = "import leadqual_site.wsgi, sys; print('qualification.views.queue' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", asks],
        cwd=ROOT,
        env=os.environ,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "True"
