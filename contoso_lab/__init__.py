"""contoso-lab: talk with a realtime voice agent, record it, play it again, score it, compare.

Everything a notebook needs stands behind this one door and is loaded when it is first used, so that the
import is quick. The list of names is `__init__.pyi`, and only there.

>>> import contoso_lab as lab
>>> lab.Clip.__name__
'Clip'
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

__version__ = "0.1.0"
"""The only place where the version stands: pyproject.toml reads it here."""
