//! Ids of alerting rules.
//!
//! An id is part of the ids of alerts, which are part of URLs. It is the rule's name where
//! that is fit and unique. Of several rules of one name the first keeps it; the others are
//! told apart by what they say, so that their alerts survive a change of order.

use std::collections::BTreeSet;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::{GroupRule, Rule, RuleGroup};

/// Longer names are cut in ids.
const ID_BYTES_MAX: usize = 100;

/// Gives each alerting rule an id of its own.
pub(super) fn tell_apart(groups: &mut [RuleGroup]) {
    let mut taken = BTreeSet::new();
    for group in groups {
        let name = group.name.clone();
        for rule in &mut group.rules {
            let GroupRule::Alert(rule) = rule else { continue };
            let id = candidates(&name, rule).find(|id| !taken.contains(id)).unwrap_or_default();
            taken.insert(id.clone());
            Arc::make_mut(rule).id = id;
        }
    }
}

fn candidates(group: &str, rule: &Rule) -> impl Iterator<Item = String> + use<> {
    let plain = fit(&rule.name);
    let mut hash = Sha256::new();
    for text in [group, rule.query.text()] {
        hash.update(text);
        hash.update([0xff]);
    }
    for (name, template) in &rule.labels {
        hash.update(format!("{name}\u{1}{}\u{1}", template.text()));
    }
    let print: String = hash.finalize()[..3].iter().map(|byte| format!("{byte:02x}")).collect();
    let told = format!("{plain}-{print}");
    let numbered = told.clone();
    [plain, told].into_iter().chain((2..).map(move |number| format!("{numbered}-{number}")))
}

fn fit(name: &str) -> String {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
    let fit: String = name.chars().map(|c| if is_allowed(c) { c } else { '_' }).collect();
    fit[..fit.len().min(ID_BYTES_MAX)].to_owned()
}
