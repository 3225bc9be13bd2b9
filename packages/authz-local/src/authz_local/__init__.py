"""A template with its authorizers, users and Cedar policies on a local AWS: `authz local`."""
