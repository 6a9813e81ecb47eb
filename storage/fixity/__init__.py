"""Fixity: check that everything kept is still what was kept, name what is not, and mend what can be mended."""
