"""SavedModel directory -> loaded model with every signature compiled, so that no request pays for it."""

from __future__ import annotations

import logging
import weakref
from collections.abc import Callable

import noria.model
from noria.compile.ort import available_cpus
from noria.errors import NotFoundError, TFError
from noria.formats import files
from noria.formats.saved_model import FILE_NAMES
from noria.serving.batching.parameters import from_flags
from noria.serving.config import ServerConfig
from noria.serving.lifecycle.calm import calmly
from noria.serving.lifecycle.fetch import fetch
from noria.serving.lifecycle.memory import share_heaps
from noria.serving.lifecycle.servable import Model

_LOG = logging.getLogger(__name__)


def make_loader(config: ServerConfig) -> Callable[[str], Model]:
    """The function that loads a version's path, by the flags for tags and threads.

    It raises what ``noria.load`` raises, and NotFoundError for a directory that holds no SavedModel. A signature that
    cannot run here does not keep the others from being served: the log says why, and a request for it gets the same
    error. A version under a URL is copied to this machine first, any with --copy_models; the copy goes with the model.
    """
    tags = [tag for tag in config.saved_model_tags.split(",") if tag]
    batching = from_flags(config)
    share_heaps(max(available_cpus(), 2) + 1)

    def load(path: str) -> Model:
        if batching is not None:
            batching.of(path)  # a version whose batching parameters are wrong does not load
        if not any(files.exists(files.join(path, name)) for name in FILE_NAMES):  # a checkpoint alone is no SavedModel
            raise NotFoundError(f"Could not find SavedModel .pb or .pbtxt at supplied export directory path: {path}")
        if files.is_url(path) or config.copy_models:
            copy = fetch(path, config.model_cache_dir)
            try:
                model = compiled(copy.path)
            except BaseException:
                copy.remove()
                raise
            weakref.finalize(model, copy.remove)
            return model
        return compiled(path)

    def compiled(path: str) -> noria.model.Model:
        with calmly():
            model = noria.model.load(path, tags=tags, threads=config.threads)
            model.free_at_once()
            for signature in model.signatures.values():
                try:
                    signature.compile()
                except TFError as error:
                    _LOG.warning("signature %s of %s cannot run: %s", signature.name, path, error)
            return model

    return load
