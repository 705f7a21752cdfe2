"""Things that go wrong on real lines, to order: what users complain of, reproduced on a server that you own.

```
python -m contoso_lab.engine --fault late-transcript=3000 --fault split-frames
python -m contoso_lab.engine --fault help
```

From Python, put `Faulty` around an application, and give the server `PackingWebSocket` for the faults of packing:

```python
app = Faulty(create_app(engine), [LateTranscript(3000), SplitFrames()])
async with serving(app) as url: ...
```

Every fault is a frozen value; its behaviour in a call (`begin`) is sans-I/O. Several may be combined: a message passes
them in the order in which they were given. Each names the pain that it reproduces; `--fault help` lists them all.
"""

from contoso_lab.engine.faults.choice import FAULTS, HELP, describe_faults, read_fault, read_faults
from contoso_lab.engine.faults.kinds import Delivery, Ending, Fault, Refusal
from contoso_lab.engine.faults.line import FaultLine
from contoso_lab.engine.faults.middleware import Faulty
from contoso_lab.engine.faults.refusals import ActiveResponse, RateLimited, RefusedTruncate
from contoso_lab.engine.faults.stream import CutAudioTail, DuplicatedEvent, HugeEvent, MalformedJson, StalledStream
from contoso_lab.engine.faults.transcripts import LateTranscript, MissingTranscript, UnorderedTranscripts
from contoso_lab.engine.faults.transport import CoalescedFrames, DropMidTurn, SessionExpiry, SlowReader, SplitFrames

__all__ = [
    "FAULTS",
    "HELP",
    "ActiveResponse",
    "CoalescedFrames",
    "CutAudioTail",
    "Delivery",
    "DropMidTurn",
    "DuplicatedEvent",
    "Ending",
    "Fault",
    "FaultLine",
    "Faulty",
    "HugeEvent",
    "LateTranscript",
    "MalformedJson",
    "MissingTranscript",
    "RateLimited",
    "Refusal",
    "RefusedTruncate",
    "SessionExpiry",
    "SlowReader",
    "SplitFrames",
    "StalledStream",
    "UnorderedTranscripts",
    "describe_faults",
    "read_fault",
    "read_faults",
]
