"""One file a neighbour: databases and frameworks beside which a service uses this library.

None needs another one, and each loads its package itself.
"""
