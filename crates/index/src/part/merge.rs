//! One part from several.

use std::collections::BTreeSet;

use super::Part;
use super::dictionary::Walk;
use super::writer::PartWriter;
use crate::{Corrupt, Index};

/// One part from neighbours in the order of their streams: each begins where the last ended.
///
/// Values and ids go from part to part as they are; no stream's labels are put together.
pub fn merge(parts: &[&Part]) -> Result<Vec<u8>, Corrupt> {
    let (Some(first), Some(last)) = (parts.first(), parts.last()) else {
        return Ok(PartWriter::new(0..0).finish());
    };
    if parts.windows(2).any(|pair| pair[0].ids().end != pair[1].ids().start) {
        return Err(Corrupt("the order of the parts of an index"));
    }
    let base = first.ids().start;
    let mut writer = PartWriter::new(base..last.ids().end);
    let names: BTreeSet<&str> = parts.iter().flat_map(|part| part.names()).collect();
    for name in names {
        let mut values = writer.name();
        let mut sources = sources(parts, name, base)?;
        while let Some(least) = sources.iter().map(|source| source.walk.value()).min().map(<[u8]>::to_vec) {
            let holders = sources.iter().filter(|source| source.walk.value() == least);
            values.push(&least, holders.flat_map(Source::runs))?;
            advance(&mut sources, &least)?;
        }
        values.finish(name);
    }
    Ok(writer.finish())
}

/// One name's values in one part.
struct Source<'a> {
    part: &'a Part,
    /// How far its ids move.
    shift: u32,
    walk: Walk<'a>,
}

impl Source<'_> {
    fn runs(&self) -> impl Iterator<Item = Result<std::ops::Range<u32>, Corrupt>> {
        let shift = self.shift;
        self.part.runs(self.walk.ids()).map(move |run| run.map(|run| run.start + shift..run.end + shift))
    }
}

/// The parts that know the name, each at its first value.
fn sources<'a>(parts: &[&'a Part], name: &str, base: u32) -> Result<Vec<Source<'a>>, Corrupt> {
    let mut sources = Vec::new();
    for part in parts {
        let Some(name) = part.name(name) else { continue };
        let mut walk = part.dictionary(name).walk()?;
        if walk.next()? {
            sources.push(Source { part, shift: part.ids().start - base, walk });
        }
    }
    Ok(sources)
}

/// Steps over `value` everywhere, and drops who has nothing more.
fn advance(sources: &mut Vec<Source<'_>>, value: &[u8]) -> Result<(), Corrupt> {
    let mut is_corrupt = None;
    sources.retain_mut(|source| {
        let next = if source.walk.value() == value { source.walk.next() } else { Ok(true) };
        next.unwrap_or_else(|corrupt| {
            is_corrupt = Some(corrupt);
            false
        })
    });
    is_corrupt.map_or(Ok(()), Err)
}
