//! The index of streams that still arrive.

mod values;

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::ops::Range;

use model::LabelSet;
use roaring::RoaringBitmap;

use crate::part::PartWriter;
use crate::runs::{add_run, union};
use crate::selector::Term;
use crate::{Corrupt, Index, Selector};
use values::{Ids, Values};

/// Takes new streams and answers about all of them.
///
/// Its answers are never corrupt.
#[derive(Clone, Debug, Default)]
pub struct Builder {
    base: u32,
    sets: Vec<LabelSet>,
    numbers: BTreeMap<Box<str>, usize>,
    /// By the number of the name.
    values: Vec<Values>,
    /// The numbers of name and value of each label of the last stream. The next one comes
    /// from the same source as a rule, shares most labels with it, and looks up the others.
    last: Vec<(usize, usize)>,
    memory_bytes: usize,
}

impl Builder {
    /// The first stream that is pushed gets the number `base`.
    pub fn new(base: u32) -> Self {
        Self { base, ..Self::default() }
    }

    /// Gives the next number to a stream, which must be new: nobody looks whether it is.
    pub fn push(&mut self, labels: LabelSet) -> u32 {
        let id = self.ids().end;
        let mut last = std::mem::take(&mut self.last);
        let before = self.sets.pop();
        let mut earlier = before.iter().flat_map(LabelSet::iter).zip(&last).peekable();
        let mut numbers = Vec::with_capacity(last.len());
        for (name, value) in labels.iter() {
            while earlier.next_if(|((earlier, _), _)| *earlier < name).is_some() {}
            let (number, value_number) = match earlier.next_if(|((earlier, _), _)| *earlier == name) {
                Some(((_, same), numbers)) if same == value => *numbers,
                Some((_, (number, _))) => (*number, self.value_number(*number, value)),
                None => {
                    let number = self.name_number(name);
                    (number, self.value_number(number, value))
                }
            };
            self.memory_bytes += self.values[number].ids[value_number].push(id);
            numbers.push((number, value_number));
        }
        drop(earlier);
        self.sets.extend(before);
        self.memory_bytes += labels.memory_bytes();
        self.sets.push(labels);
        std::mem::swap(&mut last, &mut numbers);
        self.last = last;
        id
    }

    pub fn len(&self) -> usize {
        self.sets.len()
    }

    pub fn is_empty(&self) -> bool {
        self.sets.is_empty()
    }

    /// The labels of one stream, unless it is somebody else's.
    pub fn label_set(&self, id: u32) -> Option<&LabelSet> {
        self.sets.get(id.checked_sub(self.base)? as usize)
    }

    /// The bytes of a [`Part`](crate::Part) with all streams of now.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = PartWriter::new(self.ids());
        for (name, number) in &self.numbers {
            let mut values = writer.name();
            for (value, ids) in self.values[*number].iter() {
                let runs = ids.runs().map(|run| run.start - self.base..run.end - self.base);
                let Ok(()) = values.push(value.as_bytes(), runs.map(Ok::<_, Infallible>));
            }
            values.finish(name);
        }
        writer.finish()
    }

    fn name_number(&mut self, name: &str) -> usize {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = self.values.len();
        self.numbers.insert(name.into(), number);
        self.values.push(Values::default());
        self.memory_bytes += size_of::<(Box<str>, Values)>() + name.len();
        number
    }

    fn value_number(&mut self, name: usize, value: &str) -> usize {
        let (number, grown_bytes) = self.values[name].number(value);
        self.memory_bytes += grown_bytes;
        number
    }

    fn values(&self, name: &str) -> Option<&Values> {
        Some(&self.values[*self.numbers.get(name)?])
    }

    fn sets_of(&self, ids: &RoaringBitmap) -> impl Iterator<Item = (u32, &LabelSet)> {
        ids.range(self.ids()).filter_map(|id| Some((id, self.label_set(id)?)))
    }

    fn everything(&self) -> RoaringBitmap {
        let mut ids = RoaringBitmap::new();
        ids.insert_range(self.ids());
        ids
    }
}

/// What a matcher means here.
struct Step<'a> {
    term: &'a Term<'a>,
    /// Of the streams to take away, if the matcher selects absence, or else to keep.
    ids: Vec<&'a Ids>,
    run_count: usize,
}

/// Reading a label of one stream takes about as long as reading so many runs.
const RUNS_A_STREAM: u64 = 8;

impl<'a> Step<'a> {
    fn plan(builder: &'a Builder, term: &'a Term<'a>) -> Self {
        let values = builder.values(term.matcher.name());
        let ids = values.map_or_else(Vec::new, |values| {
            // Those to take away are those that are not selected.
            values.ids_where(term, term.is_negated == term.selects_absence)
        });
        let run_count = ids.iter().map(|ids| ids.runs().len()).sum();
        Self { term, ids, run_count }
    }

    fn narrow(&self, builder: &Builder, mut selected: RoaringBitmap) -> RoaringBitmap {
        if selected.len().saturating_mul(RUNS_A_STREAM) < self.run_count as u64 {
            let kept = builder.sets_of(&selected).filter(|(_, set)| self.term.matcher.matches(set));
            return kept.map(|(id, _)| id).collect();
        }
        if self.term.selects_absence {
            selected -= self.union(builder)
        } else {
            selected &= self.union(builder)
        }
        selected
    }

    fn union(&self, builder: &Builder) -> RoaringBitmap {
        let runs = self.ids.iter().flat_map(|ids| ids.runs());
        if self.ids.len() > 1 {
            let Ok(union) = union(builder.ids(), self.run_count, runs.map(Ok::<_, Infallible>));
            return union;
        }
        let mut ids = RoaringBitmap::new();
        runs.for_each(|run| add_run(&mut ids, run));
        ids
    }
}

impl Index for Builder {
    fn ids(&self) -> Range<u32> {
        self.base..self.base + self.sets.len() as u32
    }

    fn select_with(&self, selector: &Selector<'_>) -> Result<RoaringBitmap, Corrupt> {
        let mut steps: Vec<_> = selector.terms().iter().map(|term| Step::plan(self, term)).collect();
        steps.sort_by_key(|step| (step.term.selects_absence, step.run_count));
        let mut steps = steps.iter();
        let first = steps.next();
        let selected = match first {
            None => self.everything(),
            Some(step) if step.term.selects_absence => self.everything() - step.union(self),
            Some(step) => step.union(self),
        };
        Ok(steps.fold(selected, |selected, step| step.narrow(self, selected)))
    }

    fn labels(&self, id: u32) -> Result<LabelSet, Corrupt> {
        self.label_set(id).cloned().ok_or(Corrupt("the number of a stream"))
    }

    fn visit_labels(&self, ids: &RoaringBitmap, visit: &mut dyn FnMut(u32, LabelSet)) -> Result<(), Corrupt> {
        self.sets_of(ids).for_each(|(id, set)| visit(id, set.clone()));
        Ok(())
    }

    fn label_names(&self) -> Result<Vec<String>, Corrupt> {
        Ok(self.numbers.keys().map(|name| name.to_string()).collect())
    }

    fn label_names_among(&self, ids: &RoaringBitmap) -> Result<Vec<String>, Corrupt> {
        let occurs = |number: &usize| self.values[*number].ids.iter().any(|value| value.touch(ids));
        Ok(self
            .numbers
            .iter()
            .filter(|(_, number)| occurs(number))
            .map(|(name, _)| name.to_string())
            .collect())
    }

    fn label_values(&self, name: &str) -> Result<Vec<String>, Corrupt> {
        let values = self.values(name).into_iter().flat_map(Values::iter);
        Ok(values.map(|(value, _)| value.to_owned()).collect())
    }

    fn label_values_among(&self, name: &str, ids: &RoaringBitmap) -> Result<Vec<String>, Corrupt> {
        let Some(values) = self.values(name) else { return Ok(Vec::new()) };
        if ids.len() < values.ids.len() as u64 {
            let occurring: BTreeSet<&str> = self.sets_of(ids).filter_map(|(_, set)| set.get(name)).collect();
            return Ok(occurring.into_iter().map(str::to_owned).collect());
        }
        let occurring = values.iter().filter(|(_, value)| value.touch(ids));
        Ok(occurring.map(|(value, _)| value.to_owned()).collect())
    }

    fn memory_bytes(&self) -> usize {
        size_of::<Self>() + self.memory_bytes
    }
}
