//! Operators between two vectors: which elements meet, and what their result is called.

use std::collections::{HashMap, HashSet};

use model::{LabelSet, METRIC_NAME};

use super::binary::{of_elements, of_samples};
use super::keys::{Counted, Grouping};
use super::{Element, Evaluator, Row, changes_meaning};
use crate::EvalError;
use crate::notes::Remarks;
use crate::parse::expression::{Binary, Cardinality, Matching};
use crate::plan::Grid;

impl Matching {
    /// The labels by which elements of both sides meet.
    pub fn counted(&self) -> Counted<'_> {
        if self.is_on { Counted::Only(&self.labels) } else { Counted::AllBut(&self.labels) }
    }
}

impl<'a> Evaluator<'a> {
    pub fn matched_operation(&mut self, binary: &'a Binary, grid: Grid) -> Result<Vec<Row>, EvalError> {
        let left = self.rows(&binary.left, grid)?;
        let right = self.rows(&binary.right, grid)?;
        let (many, one) = match binary.matching.cardinality {
            Cardinality::OneToMany => (right, left),
            _ => (left, right),
        };
        let mut matcher = Matcher::new(binary, &many, &one, grid);
        let steps = matcher.steps_with_both_sides();
        for group in 0..matcher.groups.len() {
            self.evaluation.watch.check()?;
            self.evaluation.watch.check_size(matcher.results.len(), grid.count)?;
            if !matcher.pair_up(group) {
                for step in &steps {
                    matcher.step_of_group(group, *step)?;
                }
            }
        }
        let remarks = std::mem::take(&mut matcher.remarks);
        let rows = matcher.into_rows();
        self.remark(remarks, binary.left.at);
        Ok(rows)
    }
}

/// Rows of one signature on both sides, by index.
struct Group {
    signature: LabelSet,
    many: Vec<usize>,
    one: Vec<usize>,
}

struct Matcher<'a> {
    binary: &'a Binary,
    many: &'a [Row],
    one: &'a [Row],
    grid: Grid,
    groups: Vec<Group>,
    results: Vec<Row>,
    /// The result of a group with certain labels.
    result_of: HashMap<(usize, LabelSet), usize>,
    /// The result of a pair of rows, so that labels are made once and not per step.
    result_of_pair: HashMap<(usize, usize), usize>,
    /// The step at which a result was last reached, to notice a second element for it.
    reached: Vec<usize>,
    remarks: Remarks,
}

/// The side that is not there at a step is filled with a default value.
const ABSENT: usize = usize::MAX;

impl<'a> Matcher<'a> {
    fn new(binary: &'a Binary, many: &'a [Row], one: &'a [Row], grid: Grid) -> Self {
        let mut groups: Vec<Group> = Vec::new();
        let mut grouping = Grouping::new(binary.matching.counted());
        let mut group_of = |labels: &LabelSet, groups: &mut Vec<Group>| {
            let number = grouping.number(labels);
            if number == groups.len() {
                let signature = grouping.labels(labels);
                groups.push(Group { signature, many: Vec::new(), one: Vec::new() });
            }
            number
        };
        for (index, row) in many.iter().enumerate() {
            let group = group_of(&row.labels, &mut groups);
            groups[group].many.push(index);
        }
        for (index, row) in one.iter().enumerate() {
            let group = group_of(&row.labels, &mut groups);
            groups[group].one.push(index);
        }
        Self {
            binary,
            many,
            one,
            grid,
            groups,
            results: Vec::new(),
            result_of: HashMap::new(),
            result_of_pair: HashMap::new(),
            reached: Vec::new(),
            remarks: Remarks::default(),
        }
    }

    /// At any other step nothing meets, and nothing can be ambiguous.
    fn steps_with_both_sides(&self) -> Vec<usize> {
        let is_there = |rows: &[Row], step| rows.iter().any(|row| row.has(step));
        let (fill_many, fill_one) = self.fills();
        let meets = |step: &usize| {
            (fill_many.is_some() || is_there(self.many, *step))
                && (fill_one.is_some() || is_there(self.one, *step))
        };
        (0..self.grid.count).filter(meets).collect()
    }

    /// The common case, all steps at once: a group of floats with one series on the "one"
    /// side, where no two results are called alike. Nothing in it can be ambiguous at any
    /// step. Returns whether it was that case.
    fn pair_up(&mut self, group: usize) -> bool {
        let Group { many, one, .. } = &self.groups[group];
        if many.is_empty() || one.is_empty() {
            return self.fills() == (None, None);
        }
        let &[one] = &one[..] else { return false };
        let is_one_to_one = self.binary.matching.cardinality == Cardinality::OneToOne;
        let knows = |row: usize, rows: &[Row]| rows[row].histograms.is_empty();
        let is_common = self.fills() == (None, None)
            && !self.binary.operator.is_trim()
            && !(is_one_to_one && many.len() > 1)
            && knows(one, self.one)
            && many.iter().all(|row| knows(*row, self.many));
        if !is_common {
            return false;
        }
        let called: Vec<(LabelSet, bool)> =
            many.iter().map(|row| self.result_labels(group, (*row, one))).collect();
        let mut names: HashSet<&LabelSet> = HashSet::with_capacity(called.len());
        if !called.iter().all(|(labels, _)| names.insert(labels)) {
            return false;
        }
        for (row, (labels, drop_name)) in many.iter().zip(called) {
            let points = self.points(&self.many[*row].points, &self.one[one].points);
            self.results.push(Row::new(labels, drop_name, points));
            self.reached.push(usize::MAX);
        }
        true
    }

    fn points(&self, many: &[Option<f64>], one: &[Option<f64>]) -> Vec<Option<f64>> {
        let (operator, returns_bool) = (self.binary.operator, self.binary.returns_bool);
        let is_flipped = self.binary.matching.cardinality == Cardinality::OneToMany;
        let meet = |(many, one): (&Option<f64>, &Option<f64>)| {
            let (many, one) = ((*many)?, (*one)?);
            let (left, right) = if is_flipped { (one, many) } else { (many, one) };
            let (value, holds) = of_elements(operator, left, right);
            if returns_bool { Some(f64::from(u8::from(holds))) } else { holds.then_some(value) }
        };
        many.iter().zip(one).map(meet).collect()
    }

    fn fills(&self) -> (Option<f64>, Option<f64>) {
        let matching = &self.binary.matching;
        match matching.cardinality {
            Cardinality::OneToMany => (matching.fill_right, matching.fill_left),
            _ => (matching.fill_left, matching.fill_right),
        }
    }

    /// Elements meet anew at every step, because series come and go.
    fn step_of_group(&mut self, group: usize, step: usize) -> Result<(), EvalError> {
        let (fill_many, fill_one) = self.fills();
        let one = self.single_one(group, step)?;
        let one_value = one.and_then(|row| self.one[row].element(step)).or(fill_one.map(Element::Float));
        let Some(one_value) = one_value else { return Ok(()) };
        let mut met = 0;
        for member in 0..self.groups[group].many.len() {
            let row = self.groups[group].many[member];
            let Some(many_value) = self.many[row].element(step) else { continue };
            met += 1;
            if met > 1 && self.binary.matching.cardinality == Cardinality::OneToOne {
                return Err(EvalError::execution(
                    "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)",
                ));
            }
            self.meet(group, (row, one.unwrap_or(ABSENT)), (&many_value, &one_value), step)?;
        }
        if let (0, Some(many_value), Some(one)) = (met, fill_many, one) {
            self.meet(group, (ABSENT, one), (&Element::Float(many_value), &one_value), step)?;
        }
        Ok(())
    }

    /// The element of the "one" side; there must not be two.
    fn single_one(&self, group: usize, step: usize) -> Result<Option<usize>, EvalError> {
        let mut present = self.groups[group].one.iter().copied().filter(|row| self.one[*row].has(step));
        let first = present.next();
        if let (Some(first), Some(second)) = (first, present.next()) {
            return Err(self.ambiguous(group, first, second));
        }
        Ok(first)
    }

    fn ambiguous(&self, group: usize, first: usize, second: usize) -> EvalError {
        let side = if self.binary.matching.cardinality == Cardinality::OneToMany { "left" } else { "right" };
        let signature = braces(&self.groups[group].signature);
        EvalError::execution(format!(
            "found duplicate series for the match group {signature} on the {side} hand-side of the operation: \
             [{}, {}];many-to-many matching not allowed: matching labels must be unique on one side",
            braces(&self.one[first].labels),
            braces(&self.one[second].labels),
        ))
    }

    fn meet(
        &mut self,
        group: usize,
        pair: (usize, usize),
        values: (&Element, &Element),
        step: usize,
    ) -> Result<(), EvalError> {
        let result = self.result(group, pair);
        if self.reached[result] == step {
            return Err(EvalError::execution(
                "multiple matches for labels: grouping labels must ensure unique matches",
            ));
        }
        self.reached[result] = step;
        let (left, right) = match self.binary.matching.cardinality {
            Cardinality::OneToMany => (values.1, values.0),
            _ => values,
        };
        let value = of_samples(self.binary.operator, left, right, &mut self.remarks);
        let value = value.and_then(|(value, holds)| {
            if self.binary.returns_bool {
                Some(Element::Float(f64::from(u8::from(holds))))
            } else {
                holds.then_some(value)
            }
        });
        self.results[result].set(step, value);
        Ok(())
    }

    fn result(&mut self, group: usize, pair: (usize, usize)) -> usize {
        if let Some(known) = self.result_of_pair.get(&pair) {
            return *known;
        }
        let (labels, drop_name) = self.result_labels(group, pair);
        let key = (group, labels.clone());
        let index = match self.result_of.get(&key) {
            Some(index) => {
                self.results[*index].drop_name |= drop_name;
                *index
            }
            None => {
                self.results.push(Row::new(labels, drop_name, vec![None; self.grid.count]));
                self.reached.push(usize::MAX);
                self.result_of.insert(key, self.results.len() - 1);
                self.results.len() - 1
            }
        };
        self.result_of_pair.insert(pair, index);
        index
    }

    fn result_labels(&self, group: usize, (many, one): (usize, usize)) -> (LabelSet, bool) {
        let matching = &self.binary.matching;
        let Some(many) = self.many.get(many) else {
            return (self.groups[group].signature.clone(), false);
        };
        let mut labels = many.labels.clone();
        if changes_meaning(self.binary.operator) {
            labels = labels.without(&[METRIC_NAME]);
        }
        if matching.cardinality == Cardinality::OneToOne {
            let listed = |name: &str| matching.labels.iter().any(|label| label == name);
            labels = LabelSet::from_sorted(labels.iter().filter(|(name, _)| listed(name) == matching.is_on));
        }
        for name in &matching.include {
            // An empty value removes the label, as a "one" side without it should.
            let value = self.one.get(one).map_or("", |one| one.labels.value(name));
            labels = labels.with(name, value);
        }
        (labels, many.drop_name || self.binary.returns_bool)
    }

    fn into_rows(self) -> Vec<Row> {
        self.results.into_iter().filter(|row| !row.is_empty()).collect()
    }
}

/// All labels in braces, the name among them.
fn braces(labels: &LabelSet) -> String {
    let pairs: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
    format!("{{{}}}", pairs.join(", "))
}
