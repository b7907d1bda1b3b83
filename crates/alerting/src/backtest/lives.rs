//! The lives of alerts, window by window.

use std::collections::BTreeMap;

use model::{LabelSet, Timestamp};

use super::window::{Presence, Window};
use super::{Firing, Night};
use crate::lifecycle::{Stage, Step, Timing, next};

#[derive(Debug)]
pub(super) struct Lives {
    timing: Timing,
    /// Those that are not over at the end of the last window.
    open: BTreeMap<LabelSet, Life>,
    /// Labels, start and end of those that fired and are over.
    over: Vec<(LabelSet, Timestamp, Timestamp)>,
}

#[derive(Clone, Copy, Debug)]
struct Life {
    stage: Stage,
    fired: Option<Timestamp>,
}

impl Lives {
    pub(super) fn new(timing: Timing) -> Self {
        Self { timing, open: BTreeMap::new(), over: Vec::new() }
    }

    pub(super) fn live(&mut self, found: &Presence, window: Window) {
        let before = std::mem::take(&mut self.open);
        for labels in before.keys().filter(|labels| !found.held.contains_key(*labels)) {
            self.live_one(labels, &[], before.get(labels).copied(), found, window);
        }
        for (labels, steps) in &found.held {
            self.live_one(labels, steps, before.get(labels).copied(), found, window);
        }
    }

    /// Evaluation after evaluation, as long as there is something to decide: from one that
    /// found nothing, on to the next at which the condition held.
    fn live_one(
        &mut self,
        labels: &LabelSet,
        held: &[u64],
        before: Option<Life>,
        found: &Presence,
        window: Window,
    ) {
        let mut life = before.unwrap_or(Life { stage: Stage::Absent, fired: None });
        let mut held = held.iter().copied().peekable();
        let mut step = 0;
        while step < window.count {
            while held.next_if(|at| *at < step).is_some() {}
            if life.stage == Stage::Absent {
                let Some(next) = held.peek() else { break };
                step = *next;
            }
            let holds = held.peek() == Some(&step);
            if !found.failed.contains(&step) {
                self.take(&mut life, labels, holds, window.at(step));
            }
            step += 1;
            // At a failed step nothing was decided; the next one is looked at.
            while life.stage == Stage::Absent && held.next_if(|at| *at < step).is_some() {}
        }
        if life.stage != Stage::Absent {
            self.open.insert(labels.clone(), life);
        }
    }

    fn take(&mut self, life: &mut Life, labels: &LabelSet, holds: bool, now: Timestamp) {
        let step = next(life.stage, holds, self.timing, now);
        life.stage = life.stage.after(step, now);
        match step {
            Step::Fire => life.fired = Some(now),
            Step::Resolve => {
                let started = life.fired.take();
                self.over.extend(started.map(|start| (labels.clone(), start, now)));
            }
            _ => {}
        }
    }

    pub(super) fn into_firings(self, night: &Night) -> Vec<Firing> {
        let open = self.open.into_iter().filter_map(|(labels, life)| Some((labels, life.fired?, None)));
        let over = self.over.into_iter().map(|(labels, start, end)| (labels, start, Some(end)));
        let firing = |(labels, start, end)| Firing { labels, start, end, at_night: night.has(start) };
        over.chain(open).map(firing).collect()
    }
}
