"""Small tools that every floor may use.  Standard library only, private."""
