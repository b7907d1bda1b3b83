//! Labels of streams to dense ids and back, and which ids a query means.
