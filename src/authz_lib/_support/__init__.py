"""Small tools that every floor may use: clock, single flight, strict JSON.  Standard library only,
private.
"""
