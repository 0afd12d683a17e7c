"""Where pictures come from: a file for each kind, all behind :class:`train.data.sources.source.PictureSource`."""
