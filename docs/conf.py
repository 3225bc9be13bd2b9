"""Sphinx configuration."""

from __future__ import annotations

from importlib.metadata import version as installed_version

project = "authz-lib"
author = "the authz-lib authors"
project_copyright = "2026, the authz-lib authors"
release = version = installed_version("authz-lib")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"authz-lib {release}"

nitpicky = True
# Types of other packages: their object inventories are on the network.
nitpick_ignore_regex = [
    (r"py:.*", r"(?!authz_lib\b).*"),
    (r"py:.*", r"authz_lib\..*\b(T|K|V|Clock|JSONObject)$"),
]
myst_heading_anchors = 3
myst_fence_as_directive = ["mermaid"]
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_preserve_defaults = True
