"""The Jupyter server extension: the relay on the same origin as the notebook, behind Jupyter's own login."""
