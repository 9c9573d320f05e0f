"""Electrochemical windows and interface reactions."""
