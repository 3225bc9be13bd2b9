"""What is open?  The effective authorization of every way into what a template deploys."""
