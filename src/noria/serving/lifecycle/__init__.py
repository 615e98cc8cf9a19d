"""The life of model versions: which there are, which are wanted, how they load, serve and leave.

``source`` finds versions on disk, ``policy`` decides, ``loader`` turns a directory into a model, ``servable`` is one
version with its state, ``manager`` holds them all.
"""
