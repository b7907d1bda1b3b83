//! From matchers to streams.
//!
//! A matcher becomes the set of *codes* that it selects: the ordinals of values plus one,
//! and zero for absence. Matchers that refuse absence name streams by their postings, the
//! shortest postings first; those that select it take streams away. Once few streams are
//! left, reading their labels is less work than reading the postings of many.

use roaring::RoaringBitmap;

use super::dictionary::{Dictionary, Walk};
use super::labels::{POSTING_BYTES_A_STREAM, each_code};
use super::{Name, Part};
use crate::runs::{add_run, union};
use crate::selector::{Pattern, Run, Term};
use crate::{Corrupt, Index, Selector};

pub fn select(part: &Part, selector: &Selector<'_>) -> Result<RoaringBitmap, Corrupt> {
    let mut steps = Vec::new();
    for term in selector.terms() {
        match Step::plan(part, term)? {
            Plan::Nothing => return Ok(RoaringBitmap::new()),
            Plan::Everything => {}
            Plan::Some(step) => steps.push(step),
        }
    }
    steps.sort_by_key(|step| (step.takes_away, step.bytes));
    let mut selected: Option<RoaringBitmap> = None;
    for step in &steps {
        selected = Some(step.narrow(part, selected)?);
    }
    Ok(selected.unwrap_or_else(|| everything(part)))
}

fn everything(part: &Part) -> RoaringBitmap {
    let mut ids = RoaringBitmap::new();
    ids.insert_range(part.ids());
    ids
}

enum Plan<'a> {
    Nothing,
    Everything,
    Some(Step<'a>),
}

/// One matcher's part in the selection.
struct Step<'a> {
    name: usize,
    /// Of the streams that it selects.
    codes: RoaringBitmap,
    /// Of streams to take away, if it selects absence, or else of those to name.
    postings: Vec<&'a [u8]>,
    takes_away: bool,
    bytes: usize,
}

impl<'a> Step<'a> {
    fn plan(part: &'a Part, term: &Term<'_>) -> Result<Plan<'a>, Corrupt> {
        let Some(number) = part.name_number(term.matcher.name()) else {
            return Ok(if term.selects_absence { Plan::Everything } else { Plan::Nothing });
        };
        let name = &part.names[number];
        let dictionary = part.dictionary(name);
        let mut codes = pattern_codes(&dictionary, term)?;
        if term.is_negated {
            codes = complement(&codes, name);
        }
        let takes_away = codes.contains(0);
        let to_read = if takes_away { complement(&codes, name) } else { codes.clone() };
        if to_read.is_empty() {
            return Ok(if takes_away { Plan::Everything } else { Plan::Nothing });
        }
        let postings = if to_read.len() == name.values as u64 {
            vec![part.presence(name)]
        } else {
            postings(&dictionary, &to_read)?
        };
        let bytes = postings.iter().map(|postings| postings.len()).sum();
        Ok(Plan::Some(Self { name: number, codes, postings, takes_away, bytes }))
    }

    /// What is left of the selected streams, or of all streams if none were selected yet.
    fn narrow(&self, part: &Part, selected: Option<RoaringBitmap>) -> Result<RoaringBitmap, Corrupt> {
        let Some(mut selected) = selected else {
            let ids = self.read(part)?;
            return Ok(if self.takes_away { everything(part) - ids } else { ids });
        };
        if selected.len().saturating_mul(POSTING_BYTES_A_STREAM) < self.bytes as u64 {
            return self.filter(part, &selected);
        }
        let ids = self.read(part)?;
        if self.takes_away {
            selected -= ids
        } else {
            selected &= ids
        }
        Ok(selected)
    }

    fn filter(&self, part: &Part, selected: &RoaringBitmap) -> Result<RoaringBitmap, Corrupt> {
        let mut kept = RoaringBitmap::new();
        each_code(part, self.name, selected, |id, code| {
            if self.codes.contains(code) {
                add_run(&mut kept, id..id + 1);
            }
        })?;
        Ok(kept)
    }

    fn read(&self, part: &Part) -> Result<RoaringBitmap, Corrupt> {
        if let [postings] = *self.postings {
            let mut ids = RoaringBitmap::new();
            for run in part.id_runs(postings) {
                add_run(&mut ids, run?);
            }
            return Ok(ids);
        }
        // A run takes a byte or two.
        union(part.ids(), self.bytes, self.postings.iter().flat_map(|postings| part.id_runs(postings)))
    }
}

/// All codes of the name that are not among these.
fn complement(codes: &RoaringBitmap, name: &Name) -> RoaringBitmap {
    let mut others = RoaringBitmap::new();
    others.insert_range(0..=name.values as u32);
    others - codes
}

fn pattern_codes(dictionary: &Dictionary<'_>, term: &Term<'_>) -> Result<RoaringBitmap, Corrupt> {
    let mut codes = RoaringBitmap::new();
    if term.selects_absence != term.is_negated {
        codes.insert(0);
    }
    match &term.pattern {
        Pattern::Texts(texts) => {
            for text in texts.iter().filter(|text| !text.is_empty()) {
                codes.extend(dictionary.ordinal(text.as_bytes())?.map(|ordinal| ordinal as u32 + 1));
            }
        }
        Pattern::Anything | Pattern::Something => {
            codes.insert_range(1..=dictionary.values as u32);
        }
        Pattern::Expression { prefix } => {
            let mut run = term.automaton().and_then(|automaton| automaton.run());
            let mut walk = dictionary.walk_before(prefix.as_bytes())?;
            while walk.next()? {
                if walk.value() > prefix.as_bytes() && !walk.value().starts_with(prefix.as_bytes()) {
                    break;
                }
                if pattern_has(term, &mut run, &walk)? {
                    add_run(&mut codes, walk.ordinal() as u32 + 1..walk.ordinal() as u32 + 2);
                }
            }
        }
    }
    Ok(codes)
}

fn pattern_has(term: &Term<'_>, run: &mut Option<Run<'_>>, walk: &Walk<'_>) -> Result<bool, Corrupt> {
    if let Some(matched) = run.as_mut().and_then(|run| run.matches(walk.value(), walk.shared())) {
        return Ok(matched);
    }
    *run = None;
    Ok(term.pattern_has(walk.text()?))
}

/// The ids of each code, none of which is zero.
fn postings<'a>(dictionary: &Dictionary<'a>, codes: &RoaringBitmap) -> Result<Vec<&'a [u8]>, Corrupt> {
    let mut postings = Vec::new();
    let mut walk: Option<Walk<'a>> = None;
    for code in codes {
        let ordinal = code as usize - 1;
        let mut here = match walk.take() {
            Some(walk) if walk.is_near(ordinal) => walk,
            _ => dictionary.walk_to(ordinal)?,
        };
        here.skip_to(ordinal)?;
        postings.push(here.ids());
        walk = Some(here);
    }
    Ok(postings)
}
