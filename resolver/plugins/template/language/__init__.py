"""The template language that operators write (that of Go's text/template), compiled to functions of our own.

``compile_template`` checks everything that can be known before a query comes; ``Template.render`` fills one in.
"""

from __future__ import annotations

from resolver.plugins.template.language.compiler import Template, compile_template
from resolver.plugins.template.language.values import TemplateError

__all__ = ["Template", "TemplateError", "compile_template"]
