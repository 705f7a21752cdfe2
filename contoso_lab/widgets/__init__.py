"""Widgets: what a person presses, hears and sees in a notebook. State stands in Python, pixels in one ES module each."""
