"""The authorizer of both APIs: all of its configuration is in the template."""

from authz_lib import LambdaAuthorizer

handler = LambdaAuthorizer.from_env()
