"""What pyproject.toml cannot say: an editable install takes the data files along, too.

Everything else stands in pyproject.toml.
"""

from setuptools import Distribution, setup


class WithData(Distribution):
    """setuptools asks an editable build `has_data`, finds no such method, and leaves the data files out."""

    has_data = Distribution.has_data_files


setup(distclass=WithData)
