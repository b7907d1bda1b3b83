//! Whole requests through the routers, with small engines.
