"""The one HTTP layer: key sets, Verified Permissions and signed calls go through it."""
