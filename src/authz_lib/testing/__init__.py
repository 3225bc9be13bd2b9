"""The test kit: real keys and tokens, a policy store endpoint, and events.  It is shipped."""
