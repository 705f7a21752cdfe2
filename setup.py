"""What pyproject.toml cannot say: data files of an editable install, and what a wheel brings along.

Everything else stands in pyproject.toml.
"""

import shutil
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
SHIPPED = ("constraints.txt", "prompts", "evals", "data", "notebooks", "docs")
"""What the package reads when there is no checkout; `contoso_lab/home.py` looks for it in `contoso_lab/_shipped`."""
LEFT_OUT = ("__pycache__", ".*", "derived", "runs", "*.pyc", "*.png", "screenshots*")
"""What is made again, and what was recorded in this checkout."""


class WithData(Distribution):
    """setuptools asks an editable build `has_data`, finds no such method, and leaves the data files out."""

    has_data = Distribution.has_data_files


class WithShipped(build_py):
    """Prompts, data, suites and notebooks stand at the top of the checkout; a wheel has no such place."""

    def run(self) -> None:
        """Build, and copy what is shipped; an editable install reads the checkout itself."""
        super().run()
        if self.editable_mode:
            return
        place = Path(self.build_lib, "contoso_lab", "_shipped")
        shutil.rmtree(place, ignore_errors=True)  # a file that is gone must not stay in the next wheel
        for name in SHIPPED:
            there = ROOT / name
            if there.is_dir():
                shutil.copytree(there, place / name, ignore=shutil.ignore_patterns(*LEFT_OUT))
            elif there.is_file():  # an image of the relay alone is built without most of them
                place.mkdir(parents=True, exist_ok=True)
                shutil.copy2(there, place / name)


setup(distclass=WithData, cmdclass={"build_py": WithShipped})
