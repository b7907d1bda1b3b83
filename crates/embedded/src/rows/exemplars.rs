//! Exemplars, and their pages.
//!
//! ```text
//! page   byte 1 (version), heads, then a block for each column:
//!        times      numbers (i64)
//!        values     floats
//!        labels     attributes, of which the values are texts
//! ```

use columns::attributes::{Attributes, ValueRef};
use columns::{Corrupt, floats, numbers};
use model::{Exemplar, LabelSet, Matcher, TimeRange, Timestamp};

use super::events::{PageReader, PageWriter};
use super::{Page, Rows};
use crate::table::Table;

const VERSION: u8 = 1;
const WHAT: &str = "a page of exemplars";

/// Exemplars of one series. Of several that are equal one stays.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExemplarRows(pub Vec<Exemplar>);

/// What an exemplar costs besides its labels, roughly.
const EXEMPLAR_BYTES: usize = 48;

impl Rows for ExemplarRows {
    const TABLE: Table = Table::Exemplars;

    const PAGE_ROWS_MAX: usize = 8192;

    fn len(&self) -> usize {
        self.0.len()
    }

    fn bytes(&self) -> usize {
        self.0.iter().map(|exemplar| EXEMPLAR_BYTES + exemplar.labels.memory_bytes()).sum()
    }

    fn times(&self) -> Option<TimeRange> {
        Some(TimeRange::new(self.0.first()?.at, self.0.last()?.at))
    }

    fn append(&mut self, later: Self) {
        self.0.extend(later.0);
    }

    fn settle(&mut self) {
        fn key(exemplar: &Exemplar) -> (Timestamp, &LabelSet, u64) {
            (exemplar.at, &exemplar.labels, exemplar.value.to_bits())
        }
        if !self.0.is_sorted_by(|a, b| key(a) < key(b)) {
            self.0.sort_by(|a, b| key(a).cmp(&key(b)));
            self.0.dedup_by(|a, b| key(a) == key(b));
        }
    }

    fn split_off(&mut self, at: usize) -> Self {
        Self(self.0.split_off(at))
    }

    fn clip(&mut self, range: TimeRange) {
        self.0.retain(|exemplar| range.contains(exemplar.at));
    }

    fn erase(&mut self, range: TimeRange, attributes: &[Matcher]) {
        if attributes.iter().all(Matcher::matches_absence) {
            self.0.retain(|exemplar| !range.contains(exemplar.at));
        }
    }

    fn encode(streams: &[(u32, Self)]) -> Page {
        let rows = || streams.iter().flat_map(|(_, rows)| &rows.0);
        let mut page = PageWriter::new(VERSION, streams.iter().map(|(stream, rows)| (*stream, rows.0.len())));
        page.column(&numbers::encode(&rows().map(|exemplar| exemplar.at.as_nanos()).collect::<Vec<_>>()));
        page.column(&floats::encode(&rows().map(|exemplar| exemplar.value).collect::<Vec<_>>()));
        let labels =
            rows().map(|exemplar| exemplar.labels.iter().map(|(name, value)| (name, ValueRef::Text(value))));
        page.column(&columns::attributes::encode(labels));
        Page { bytes: page.out, filter: Vec::new() }
    }

    fn decode(page: &[u8], wanted: Option<&[u32]>) -> Result<Vec<(u32, Self)>, Corrupt> {
        let mut page = PageReader::new(page, VERSION, WHAT)?;
        let rows = page.rows;
        let times = numbers::decode::<i64>(page.column()?, rows)?;
        let values = floats::decode(page.column()?, rows)?;
        let labels = Attributes::decode(page.column()?, rows)?.rows()?;
        let heads = page.finish()?;
        let text = |(name, value)| match value {
            ValueRef::Text(value) => Ok((name, value)),
            ValueRef::Bool(_) | ValueRef::Int(_) | ValueRef::Float(_) => Err(Corrupt(WHAT)),
        };
        let found = heads.make(&heads.rows_of(wanted), |row| {
            let labels: Result<Vec<(&str, &str)>, Corrupt> = labels.row(row).map(text).collect();
            let labels = LabelSet::from_sorted(labels?.into_iter());
            Ok(Exemplar { at: Timestamp::from_nanos(times[row]), value: values[row], labels })
        })?;
        Ok(found.into_iter().map(|(stream, exemplars)| (stream, Self(exemplars))).collect())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn exemplar(at: i64, value: f64, trace: &str) -> Exemplar {
        let labels = LabelSet::new([("trace_id", trace), ("span_id", "01")]);
        Exemplar { at: Timestamp::from_nanos(at), value, labels }
    }

    #[test]
    fn pages_come_back() {
        let bare = Exemplar { labels: LabelSet::empty(), ..exemplar(9, -0.0, "") };
        let first = ExemplarRows(vec![exemplar(1, 0.5, "a"), exemplar(2, 1e300, "b"), bare]);
        let streams = [(0, first), (7, ExemplarRows(vec![exemplar(1, 0.5, "a")]))];
        let page = ExemplarRows::encode(&streams).bytes;
        assert_eq!(ExemplarRows::decode(&page, None).unwrap(), streams);
        assert_eq!(ExemplarRows::decode(&page, Some(&[7])).unwrap(), streams[1..]);
        for at in 0..page.len() {
            let mut damaged = page.clone();
            damaged[at] ^= 0xff;
            drop(ExemplarRows::decode(&damaged, None));
            drop(ExemplarRows::decode(&page[..at], None));
        }
    }

    #[test]
    fn of_equal_ones_one_stays() {
        let mut rows =
            ExemplarRows(vec![exemplar(2, 1.0, "a"), exemplar(1, 1.0, "a"), exemplar(2, 1.0, "a")]);
        rows.settle();
        assert_eq!(rows.0, [exemplar(1, 1.0, "a"), exemplar(2, 1.0, "a")]);
    }
}
