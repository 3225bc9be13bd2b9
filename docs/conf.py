"""Sphinx configuration."""

from __future__ import annotations

import os
import sys
from importlib.metadata import version as installed_version
from pathlib import Path

import fastapi  # noqa: F401  before autodoc, whose `TYPE_CHECKING = True` breaks its models

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_extensions"))
# The other distribution of this repository: what its modules need is installed.
sys.path.append(str(HERE.parent / "packages" / "authz-local" / "src"))

from site_versions import versions_of  # noqa: E402 - found by the lines above

project = "authz-lib"
author = "the authz-lib authors"
project_copyright = "2026, the authz-lib authors"
release = version = installed_version("authz-lib")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "command_line",
    "docstring_tables",
    "flow_diagram",
    "llms_txt",
    "public_names",
    "sidebar_titles",
]
exclude_patterns = ["_build"]
templates_path = ["_templates"]

html_theme = "furo"
html_title = f"authz-lib {release}"
html_static_path = ["_static"]
html_css_files = ["authz.css"]
html_js_files = ["tables.js"]
html_theme_options = {"top_of_page_buttons": []}
html_sidebars = {
    "**": [
        "sidebar/brand.html",
        "sidebar/versions.html",
        "sidebar/search.html",
        "sidebar/scroll-start.html",
        "sidebar/navigation.html",
        "sidebar/scroll-end.html",
    ]
}
html_context = {
    "current_version": release,
    # `name=URL` of each version that is published, separated by spaces.
    "versions": versions_of(os.environ.get("AUTHZ_DOCS_VERSIONS", "")),
}
copybutton_prompt_text = r"\$ |>>> |\.\.\. "
copybutton_prompt_is_regexp = True

default_role = "py:obj"  # a name in single backticks: a link where it is described
nitpicky = True
# Types of other packages: their object inventories are on the network.
nitpick_ignore_regex = [
    (r"py:.*", r"(?!authz_lib\b).*"),
    # Type variables, and stand-ins that no user names.
    (r"py:.*", r"authz_lib\..*\b([A-Z]|Clock|JSONObject|_\w+)$"),
    # What others are made of.
    (r"py:.*", r"authz_lib\..*\b(ClaimRules|Presets|Shapes)$"),
]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
autodoc_default_options = {
    # Presets and asynchronous verbs are inherited; what Python gives is left out.
    "inherited-members": "tuple, dict, Protocol, BaseException, object, str, Enum, "
    "BaseModel",
}
napoleon_use_ivar = True
autodoc_member_order = "bysource"
autodoc_typehints = "both"
autodoc_typehints_description_target = "documented"
autodoc_preserve_defaults = True
maximum_signature_line_length = 84
