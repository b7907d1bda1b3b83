//! The index of streams that will not change any more.

use std::ops::Range;
use std::sync::Arc;

use model::LabelSet;
use roaring::RoaringBitmap;

use crate::bytes::Cursor;
use crate::{Builder, Corrupt, Index, Selector};

/// Answers from the bytes that [`Builder::encode`] or [`merge`] wrote.
#[derive(Clone, Debug)]
pub struct Part {
    bytes: Arc<[u8]>,
    streams: Builder,
}

impl Part {
    pub fn open(bytes: Arc<[u8]>) -> Result<Self, Corrupt> {
        let mut cursor = Cursor::new(&bytes, "an index");
        if cursor.byte()? != 1 {
            return Err(Corrupt("an index"));
        }
        let mut streams = Builder::new(cursor.uint()?);
        for _ in 0..cursor.count()? {
            let pairs: Vec<_> = (0..cursor.count()?)
                .map(|_| Ok((cursor.text()?, cursor.text()?)))
                .collect::<Result<_, Corrupt>>()?;
            streams.push(LabelSet::from_sorted(pairs.into_iter()));
        }
        Ok(Self { bytes, streams })
    }

    pub fn len(&self) -> usize {
        self.streams.len()
    }

    pub fn is_empty(&self) -> bool {
        self.streams.is_empty()
    }
}

/// One part from neighbours in the order of their streams: each begins where the last ended.
pub fn merge(parts: &[&Part]) -> Result<Vec<u8>, Corrupt> {
    let mut merged = Builder::new(parts.first().map_or(0, |part| part.ids().start));
    for part in parts {
        if part.ids().start != merged.ids().end {
            return Err(Corrupt("the order of the parts of an index"));
        }
        for id in part.ids() {
            merged.push(part.labels(id)?);
        }
    }
    Ok(merged.encode())
}

impl Index for Part {
    fn ids(&self) -> Range<u32> {
        self.streams.ids()
    }

    fn select_with(&self, selector: &Selector<'_>) -> Result<RoaringBitmap, Corrupt> {
        self.streams.select_with(selector)
    }

    fn labels(&self, id: u32) -> Result<LabelSet, Corrupt> {
        self.streams.labels(id)
    }

    fn visit_labels(&self, ids: &RoaringBitmap, visit: &mut dyn FnMut(u32, LabelSet)) -> Result<(), Corrupt> {
        self.streams.visit_labels(ids, visit)
    }

    fn label_names(&self) -> Result<Vec<String>, Corrupt> {
        self.streams.label_names()
    }

    fn label_names_among(&self, ids: &RoaringBitmap) -> Result<Vec<String>, Corrupt> {
        self.streams.label_names_among(ids)
    }

    fn label_values(&self, name: &str) -> Result<Vec<String>, Corrupt> {
        self.streams.label_values(name)
    }

    fn label_values_among(&self, name: &str, ids: &RoaringBitmap) -> Result<Vec<String>, Corrupt> {
        self.streams.label_values_among(name, ids)
    }

    fn memory_bytes(&self) -> usize {
        self.bytes.len() + self.streams.memory_bytes()
    }
}
