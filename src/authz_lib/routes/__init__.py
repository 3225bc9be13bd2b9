"""URI patterns and the index that finds the one a request means."""
