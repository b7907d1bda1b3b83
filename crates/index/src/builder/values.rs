//! The values of one label, each with its streams.

use std::collections::BTreeMap;
use std::ops::{Bound, Range};

use roaring::RoaringBitmap;

use crate::runs::touches;
use crate::selector::{Pattern, Term};

/// Beside a value's text: its place in the tree, its number, and its list of runs.
const VALUE_BYTES: usize = 2 * size_of::<Box<str>>() + size_of::<Ids>() + size_of::<Range<u32>>();

#[derive(Clone, Debug, Default)]
pub struct Values {
    numbers: BTreeMap<Box<str>, usize>,
    /// By the number of the value.
    pub ids: Vec<Ids>,
}

impl Values {
    /// Of a value that may be new, and how many bytes more are held now.
    pub fn number(&mut self, value: &str) -> (usize, usize) {
        if let Some(number) = self.numbers.get(value) {
            return (*number, 0);
        }
        let number = self.ids.len();
        self.numbers.insert(value.into(), number);
        self.ids.push(Ids::default());
        (number, VALUE_BYTES + value.len())
    }

    /// In ascending order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Ids)> {
        self.numbers.iter().map(|(value, number)| (&**value, &self.ids[*number]))
    }

    /// Of the values that the pattern of the term has, or of those that it has not.
    pub fn ids_where(&self, term: &Term<'_>, pattern_has: bool) -> Vec<&Ids> {
        match &term.pattern {
            Pattern::Anything | Pattern::Something if pattern_has => self.ids.iter().collect(),
            Pattern::Anything | Pattern::Something => Vec::new(),
            Pattern::Texts(texts) if pattern_has => {
                texts.iter().filter_map(|text| Some(&self.ids[*self.numbers.get(&**text)?])).collect()
            }
            Pattern::Expression { prefix } if pattern_has => {
                let from = (Bound::Included(prefix.as_str()), Bound::Unbounded);
                let values = self.numbers.range::<str, _>(from);
                let values = values.take_while(|(value, _)| value.starts_with(prefix));
                values
                    .filter(|(value, _)| term.pattern_has(value))
                    .map(|(_, number)| &self.ids[*number])
                    .collect()
            }
            Pattern::Texts(_) | Pattern::Expression { .. } => {
                self.iter().filter(|(value, _)| !term.pattern_has(value)).map(|(_, ids)| ids).collect()
            }
        }
    }
}

/// Ascending ids.
#[derive(Clone, Debug, Default)]
pub struct Ids(Vec<Range<u32>>);

impl Ids {
    /// An id above all others; says how many bytes more are held now.
    pub fn push(&mut self, id: u32) -> usize {
        match self.0.last_mut() {
            Some(run) if run.end == id => {
                run.end += 1;
                0
            }
            _ => {
                self.0.push(id..id + 1);
                size_of::<Range<u32>>()
            }
        }
    }

    pub fn runs(&self) -> impl ExactSizeIterator<Item = Range<u32>> + '_ {
        self.0.iter().cloned()
    }

    pub fn touch(&self, ids: &RoaringBitmap) -> bool {
        self.runs().any(|run| touches(ids, run))
    }
}
