"""`python -m authz_lib.cli` is `authz`."""

from __future__ import annotations

import sys

from authz_lib.cli.main import main

sys.exit(main())
