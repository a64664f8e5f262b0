"""Nothing here is a test or a benchmark of pytest's, and most of it needs libraries to import."""

from __future__ import annotations

collect_ignore_glob = ["*.py"]
