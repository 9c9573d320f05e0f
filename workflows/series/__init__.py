"""Lithiation series: an alloy from no lithium to its end phase."""
