"""May they do it: Amazon Verified Permissions or the embedded Cedar engine behind one `DecisionPoint`."""
