//! Matchers, made ready to be put to many indexes.

use model::Matcher;

/// What a query asks for: the streams that all its matchers select.
#[derive(Debug)]
pub struct Selector<'a> {
    matchers: &'a [Matcher],
}

impl<'a> Selector<'a> {
    pub fn new(matchers: &'a [Matcher]) -> Self {
        Self { matchers }
    }

    pub(crate) fn matchers(&self) -> &'a [Matcher] {
        self.matchers
    }
}
