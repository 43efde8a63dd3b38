//! Units of work: they load, let core decide, and write.
