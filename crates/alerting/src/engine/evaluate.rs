//! One evaluation: of a group in its order, or of single rules that cannot wait for it.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;

use futures::FutureExt;
use model::{Batch, LabelSet, Timestamp};

use super::loaded::{ActiveAlert, LoadedGroup};
use super::output::{Output, series_of};
use super::{Engine, Loaded};
use crate::engine::judge::judge;
use crate::error::chain;
use crate::finding::{Finder, Finding};
use crate::lifecycle::{GAP_MAX, Timing};
use crate::queries::ask;
use crate::rules::{GroupRule, Recording, Rule};

impl Engine {
    /// The rules of a group, one after the other. `at` counts whole milliseconds.
    pub(crate) async fn evaluate_group(&self, group: &LoadedGroup, at: Timestamp) {
        let began = self.clock.monotonic();
        let all: Vec<usize> = (0..group.group.rules.len()).collect();
        self.evaluate_rules(group, &all, at).await;
        let took = self.clock.monotonic().saturating_sub(began);
        let mut progress = group.progress.lock();
        (progress.evaluated, progress.took) = (Some(at), took);
        drop(progress);
        let name = format!("{};{}", group.group.file, group.group.name);
        metrics::counter!("watchkeeper_rule_group_iterations_total", "rule_group" => name.clone())
            .increment(1);
        metrics::gauge!("watchkeeper_rule_group_last_duration_seconds", "rule_group" => name)
            .set(took.as_secs_f64());
    }

    /// Some rules of a group, in its order.
    pub(super) async fn evaluate_rules(&self, group: &LoadedGroup, rules: &[usize], at: Timestamp) {
        let _turn = group.turn.lock().await;
        let mut output = Output::default();
        for index in rules {
            let Some(rule) = group.group.rules.get(*index) else { continue };
            let asks = matches!(rule, GroupRule::Alert(rule) if rule.asks_in_templates());
            if output.is_read_by(rule.query()) || (asks && !output.is_empty()) {
                self.append(group, &mut output).await;
            }
            let began = self.clock.monotonic();
            let evaluation = AssertUnwindSafe(self.evaluate_rule(group, *index, rule, at, &mut output));
            let outcome = evaluation.catch_unwind().await;
            let outcome = outcome.unwrap_or_else(|_| Err("the evaluation panicked".to_owned()));
            if let Err(reason) = &outcome {
                complain(rule, reason);
            }
            if let Some(progress) = group.progress.lock().rules.get_mut(*index) {
                progress.evaluated = Some(at);
                progress.took = self.clock.monotonic().saturating_sub(began);
                progress.error = outcome.err();
            }
        }
        self.append(group, &mut output).await;
    }

    async fn evaluate_rule(
        &self,
        group: &LoadedGroup,
        index: usize,
        rule: &GroupRule,
        at: Timestamp,
        output: &mut Output,
    ) -> Result<(), String> {
        let (written, last) = {
            let progress = group.progress.lock();
            let rule = progress.rules.get(index);
            (rule.map(|rule| rule.written.clone()).unwrap_or_default(), rule.and_then(|rule| rule.evaluated))
        };
        // A nudge may have come after the beat that is answered only now.
        let at = last.map_or(at, |last| at.max(last));
        match rule {
            GroupRule::Record(rule) => {
                output.write(index, self.recorded(rule, at).await?, &written, at - rule.offset);
            }
            GroupRule::Alert(rule) => {
                let finder = Finder {
                    queries: &self.queries,
                    surroundings: &self.surroundings,
                    alerts_max: self.settings.alerts_per_rule_max,
                };
                self.apply(group, rule, finder.findings(rule, at).await?, at).await?;
                let tracked = self.book.lock().of_rule(&rule.id);
                let alerts: Vec<ActiveAlert> =
                    tracked.values().map(|one| ActiveAlert::of(rule, one)).collect();
                output.write(index, series_of(&alerts), &written, at - rule.offset);
            }
        }
        Ok(())
    }

    async fn recorded(
        &self,
        rule: &Recording,
        at: Timestamp,
    ) -> Result<std::collections::BTreeMap<LabelSet, f64>, String> {
        rule.series(ask(&self.queries, &rule.query, at - rule.offset).await?)
    }

    async fn apply(
        &self,
        group: &LoadedGroup,
        rule: &Rule,
        found: Vec<Finding>,
        now: Timestamp,
    ) -> Result<(), String> {
        let _changing = self.changing.lock().await;
        let tracked = self.book.lock().of_rule(&rule.id);
        let unknown = self.absent_without_proof(rule, &tracked, &found, now).await;
        let timing = timing(group, rule);
        let judged = judge(rule, timing, &found, &tracked, &unknown, self.directory.as_ref(), now);
        let judged = self.with_unique_ids(judged).await.map_err(|error| chain(&error))?;
        self.record(&judged, now).await.map_err(|error| chain(&error))
    }

    async fn append(&self, group: &LoadedGroup, output: &mut Output) {
        let (batch, writers) = output.take();
        if batch.is_empty() {
            return;
        }
        let outcome = self.append_batch(batch).await;
        let mut progress = group.progress.lock();
        for (index, series) in writers {
            let Some(rule) = progress.rules.get_mut(index) else { continue };
            match &outcome {
                Ok(()) => rule.written = series,
                Err(reason) => rule.error = Some(reason.clone()),
            }
        }
        if let Err(reason) = outcome {
            tracing::error!(group = group.group.name, reason, "what rules found could not be written");
            metrics::counter!("watchkeeper_rule_append_failures_total").increment(1);
        }
    }

    async fn append_batch(&self, batch: Batch) -> Result<(), String> {
        let appended = self.appender.append(batch).await.map_err(|error| chain(&error))?;
        match appended.refused {
            0 => Ok(()),
            refused => Err(format!("the store refused {refused} samples: {}", appended.reasons.join("; "))),
        }
    }

    /// Of these rules, by their ids, in the order of their groups.
    pub(super) async fn evaluate_at_once(&self, loaded: &Loaded, wanted: &BTreeSet<String>) {
        for group in &loaded.groups {
            let is_wanted =
                |rule: &GroupRule| matches!(rule, GroupRule::Alert(rule) if wanted.contains(&rule.id));
            let rules: Vec<usize> = (0..group.group.rules.len())
                .filter(|index| group.group.rules.get(*index).is_some_and(is_wanted))
                .collect();
            if !rules.is_empty() {
                self.evaluate_rules(group, &rules, self.this_millisecond()).await;
            }
        }
    }

    /// The first whole millisecond that is not before now. Queries see whole milliseconds, and
    /// a sample of this very one must not be too late for them: nobody may look again before
    /// the next evaluation.
    fn this_millisecond(&self) -> Timestamp {
        let now = self.clock.now();
        let whole = Timestamp::from_millis(now.as_millis());
        if whole == now { whole } else { Timestamp::from_millis(now.as_millis() + 1) }
    }

    #[cfg(test)]
    pub(crate) async fn evaluate_everything(&self) {
        for group in &self.loaded().groups {
            self.evaluate_group(group, self.this_millisecond()).await;
        }
    }
}

pub(crate) fn timing(group: &LoadedGroup, rule: &Rule) -> Timing {
    let gap_max = GAP_MAX.max(group.rhythm.interval * 2);
    Timing { hold: rule.hold, keep: rule.keep_firing, gap_max }
}

fn complain(rule: &GroupRule, reason: &str) {
    match rule {
        GroupRule::Alert(rule) => {
            tracing::error!(rule = rule.name, reason, "a rule could not be evaluated; its alerts are kept");
        }
        GroupRule::Record(rule) => {
            tracing::error!(rule = rule.name, reason, "a recording rule could not be evaluated");
        }
    }
    metrics::counter!("watchkeeper_rule_failures_total", "rule" => rule.name().to_owned()).increment(1);
}
