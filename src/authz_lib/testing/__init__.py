"""The shipped test kit: real keys and tokens, a policy store endpoint, events, the local stack."""
