"""Live conversations: open one, speak into it, hear it, and let suggestions be written beside it."""

from contoso_lab.session.beside import WriteUpDesk
from contoso_lab.session.call import hold_call
from contoso_lab.session.caller import Caller, load_caller
from contoso_lab.session.client import Session
from contoso_lab.session.opening import connect, join
from contoso_lab.session.playback import Cut, Playback

__all__ = ["Caller", "Cut", "Playback", "Session", "WriteUpDesk", "connect", "hold_call", "join", "load_caller"]
