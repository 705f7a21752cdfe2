"""A Realtime server of our own, on two CPU cores, without a key and without a network.

```
client ═ WebSocket ═ connection ─ protocol ─▶ Listen ─▶ workshop ─ ear
                                  (no I/O)   ▶ Reply  ─▶ telling  ─ brain ─ voice
```

`python -m contoso_lab.engine` starts it; `build.build_engine` opens the models and `server.create_app` serves them.
Nothing is imported here, for the rest of the package must not pay for models that it does not use.
"""
