"""A real language model in a few hundred megabytes: `--brain small-lm`.

```
request ─▶ [prompt] shortened ─▶ worker process: llama.cpp ─▶ tokens ─▶ [words] whole, plain sentences ─▶
```

The model reads slowly, so it is given little: who it is, what was said, and the few lines of its instructions that the
question is about (`prompt`). It also invents easily, so a sentence with a number that it was not given is not said
(`words`). It runs in a process of its own (`worker`), which ends with ours; a crash there is one failed reply here.
"""

from contoso_lab.engine.small_lm.brain import SmallLm

__all__ = ["SmallLm"]
