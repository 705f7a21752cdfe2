"""Widgets: what a person presses, hears and sees in a notebook; state in Python, pixels in one ES module each."""
