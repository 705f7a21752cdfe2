"""The clerk: a brain of rules that says only what it was told.

```
system messages ─▶ briefing (catalogue, customer, manner)      the only knowledge
conversation    ─▶ recall   (what "it" is, what was offered)   recomputed for every reply
last line       ─▶ asks     (what is wanted)
                     └▶ answers ─▶ wording ─▶ sentences
written tasks   ─▶ desk: gate · page · chat
```

It reads its persona from the messages that it is sent, like any model, so that an edit of a prompt is heard in
the next reply. It is deterministic, answers in milliseconds, and is honest about what it is.
"""

from __future__ import annotations

from contoso_lab.engine.clerk.brain import Clerk

__all__ = ["Clerk"]
