"""Errands: what an official asked for by a page and a worker carries out, because it takes longer than a page may.

Owns errands: who asked for what, by which proof, how far it has come, how it ended. Promises that an errand and its job
are stored together or not at all, that it is carried out as the person who asked, with the rights of that moment, and
that nobody's errand is lost in silence: it ends done, refused, failed or withdrawn. What a verb does is its room's.
"""
