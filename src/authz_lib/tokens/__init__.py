"""Who is calling: tokens, keys, claims."""
