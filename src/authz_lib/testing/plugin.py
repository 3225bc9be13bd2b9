"""pytest fixtures of the test kit, registered through the entry point ``pytest11``."""
