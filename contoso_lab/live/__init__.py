"""Engine and relay as processes of their own, started and stopped from a notebook, a test or the demo.

They are other processes because a notebook cell that computes must not stop a call (the kernel's own
threads stall behind the interpreter lock), and because that is how they run anywhere else.
"""

# Lazy, for every server starts through this package (`kept`) and needs nothing of it.
import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
