//! Codecs for columns of a page: slices of values to bytes and back.
