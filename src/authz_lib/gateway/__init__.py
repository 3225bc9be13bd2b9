"""API Gateway's contracts: ARNs, events, token sources, answers, principal headers."""
