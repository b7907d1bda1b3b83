//! Columns put together again to rows.

use super::{Attributes, ValueRef, Values};
use crate::Corrupt;

/// The rows of a page, as far as their keys were wanted.
#[derive(Clone, Debug)]
pub struct Rows<'a> {
    columns: Vec<(&'a str, Values)>,
    /// For each row where its places end.
    ends: Vec<u32>,
    /// Row after row: the column and the value within.
    places: Vec<(u32, u32)>,
}

impl<'a> Rows<'a> {
    pub(super) fn decode(page: &Attributes<'a>, is_wanted: impl Fn(&str) -> bool) -> Result<Self, Corrupt> {
        let mut columns = Vec::new();
        let mut number_of = Vec::with_capacity(page.columns.len());
        for head in &page.columns {
            let wanted = is_wanted(head.key);
            number_of.push(wanted.then_some(columns.len()));
            if wanted {
                columns.push((head.key, Values::decode(head.kind, head.bytes, head.values)?));
            }
        }
        let shapes: Vec<Vec<usize>> = page
            .shapes
            .iter()
            .map(|shape| shape.iter().filter_map(|&column| number_of[column as usize]).collect())
            .collect();
        let mut next = vec![0u32; columns.len()];
        let mut ends = Vec::with_capacity(page.len());
        let mut places = Vec::new();
        for &shape in &page.shape_of_row {
            for &column in &shapes[shape as usize] {
                places.push((column as u32, next[column]));
                next[column] += 1;
            }
            ends.push(places.len() as u32);
        }
        Ok(Self { columns, ends, places })
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The keys and values of a row in their order.
    pub fn row(&self, row: usize) -> impl ExactSizeIterator<Item = (&'a str, ValueRef<'_>)> {
        let start = row.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        self.places[start..self.ends[row] as usize].iter().map(|&(column, index)| {
            let (key, values) = &self.columns[column as usize];
            (*key, values.get(index as usize))
        })
    }
}
