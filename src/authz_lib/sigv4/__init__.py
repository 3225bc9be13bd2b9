"""Signed calls (SigV4) to other IAM-protected APIs, and a rollout that cannot execute twice."""
