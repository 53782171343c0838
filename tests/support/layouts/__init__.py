"""Documents in many layouts whose content is known: a random tree of content, and many ways to set it.

``truth`` is the tree, ``compose`` makes one from a seed, ``styles`` say how it looks, ``elements`` and ``drawn_tables``
set its parts, ``pages`` breaks them into columns and pages, ``genres`` puts kinds of content and looks together, and
``truth_markdown`` writes down what a perfect reader would give.
"""
