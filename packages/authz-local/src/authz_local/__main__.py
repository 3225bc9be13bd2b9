"""`python -m authz_local` is `authz-local`."""

from __future__ import annotations

import sys

from authz_local.command import main

sys.exit(main())
