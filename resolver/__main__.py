"""``python -m resolver`` is the command ``resolver``."""

from resolver.cli.main import main

raise SystemExit(main())
