"""Few labelled images per task: meta-learning of a supernet's weights and architecture over episodes.

``episodes.py`` draws the tasks, ``learner.py`` adapts and meta-learns, ``study.py`` compares methods with their controls.
"""
